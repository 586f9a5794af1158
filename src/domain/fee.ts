import { divideHalfEven, maxOf, minOf } from './money.ts'

/** 100 % in basis points. */
export const WHOLE_BASIS_POINTS = 10_000n

/** A tax that is contained in a fee: of 11.60 at 1,600 basis points 1.60 is tax. */
export type TaxPlan = { authority: string; basisPoints: bigint }

export type FeePlan = {
  basisPoints: bigint
  fixedMinor: bigint
  /** The least it comes to; 0 where left out. */
  minimumMinor?: bigint
  /** The most it comes to; none where left out. Not below the minimum. */
  capMinor?: bigint
  /** None where left out. */
  tax?: TaxPlan
  /** What becomes of the fee when the payment is refunded; `kept` where left out. */
  onRefund?: 'kept' | 'proportional'
}

/** A fee as it is posted: `feeMinor` is all of it, the tax in it included. */
export type Fee = { feeMinor: bigint; tax: { authority: string; amountMinor: bigint } | null }

export const NO_FEE: Fee = { feeMinor: 0n, tax: null }

/**
 * Fee on a gross amount, in minor units: basis points rounded half-even, plus a fixed part, between the plan's minimum
 * and cap, never above the gross.
 */
export function feeMinor(grossMinor: bigint, plan: FeePlan): bigint {
  const variable = divideHalfEven(grossMinor * plan.basisPoints, WHOLE_BASIS_POINTS)
  const atLeast = maxOf(variable + plan.fixedMinor, plan.minimumMinor ?? 0n)
  const atMost = plan.capMinor === undefined ? atLeast : minOf(atLeast, plan.capMinor)
  return minOf(atMost, grossMinor)
}

/** Of a fee on the whole what is due on a part of it, half-even, minor units. */
export function feeOfPart(fee: bigint, wholeMinor: bigint, partMinor: bigint): bigint {
  return divideHalfEven(fee * partMinor, wholeMinor)
}

/** The tax contained in a fee, half-even: fee × rate / (1 + rate). */
export function taxMinor(fee: bigint, plan: TaxPlan): bigint {
  return divideHalfEven(fee * plan.basisPoints, WHOLE_BASIS_POINTS + plan.basisPoints)
}

/** The tax in a fee that was priced by this plan; null where there is none. */
export function taxIn(fee: bigint, plan: FeePlan | null): Fee['tax'] {
  const tax = plan?.tax
  return tax === undefined ? null : { authority: tax.authority, amountMinor: taxMinor(fee, tax) }
}

/** A merchant's or a payer's fee on this amount, with its tax. */
export function feeOf(grossMinor: bigint, plan: FeePlan): Fee {
  const fee = feeMinor(grossMinor, plan)
  return { feeMinor: fee, tax: taxIn(fee, plan) }
}
