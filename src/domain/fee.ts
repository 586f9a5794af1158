import { divideHalfEven, minOf } from './money.ts'

export type FeePlan = { basisPoints: bigint; fixedMinor: bigint }

/** Fee on a gross amount, in minor units: basis points rounded half-even, plus a fixed part, never above the gross. */
export function feeMinor(grossMinor: bigint, plan: FeePlan): bigint {
  const variable = divideHalfEven(grossMinor * plan.basisPoints, 10_000n)
  return minOf(variable + plan.fixedMinor, grossMinor)
}
