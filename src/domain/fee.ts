import { divideHalfEven, minOf } from './money.ts'

/** 100 % in basis points. */
export const WHOLE_BASIS_POINTS = 10_000n

/** A tax that is contained in a fee: of 11.60 at 1,600 basis points 1.60 is tax. */
export type TaxPlan = { authority: string; basisPoints: bigint }

export type FeePlan = {
  basisPoints: bigint
  fixedMinor: bigint
  /** None where left out. */
  tax?: TaxPlan
  /** What becomes of the fee when the payment is refunded; `kept` where left out. */
  onRefund?: 'kept' | 'proportional'
}

/** A fee as it is posted: `feeMinor` is all of it, the tax in it included. */
export type Fee = { feeMinor: bigint; tax: { authority: string; amountMinor: bigint } | null }

export const NO_FEE: Fee = { feeMinor: 0n, tax: null }

/** Fee on a gross amount, in minor units: basis points rounded half-even, plus a fixed part, never above the gross. */
export function feeMinor(grossMinor: bigint, plan: FeePlan): bigint {
  const variable = divideHalfEven(grossMinor * plan.basisPoints, WHOLE_BASIS_POINTS)
  return minOf(variable + plan.fixedMinor, grossMinor)
}

/** Of a fee on the whole what is due on a part of it, half-even, minor units. */
export function feeOfPart(fee: bigint, wholeMinor: bigint, partMinor: bigint): bigint {
  return divideHalfEven(fee * partMinor, wholeMinor)
}

/** The tax contained in a fee, half-even: fee × rate / (1 + rate). */
export function taxMinor(fee: bigint, plan: TaxPlan): bigint {
  return divideHalfEven(fee * plan.basisPoints, WHOLE_BASIS_POINTS + plan.basisPoints)
}

/** A merchant's or a payer's fee on this amount, with its tax. */
export function feeOf(grossMinor: bigint, plan: FeePlan): Fee {
  const fee = feeMinor(grossMinor, plan)
  const { tax } = plan
  return {
    feeMinor: fee,
    tax: tax === undefined ? null : { authority: tax.authority, amountMinor: taxMinor(fee, tax) },
  }
}
