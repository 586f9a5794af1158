import fc from 'fast-check'
import type { PricePlan, Split } from '../../../src/domain/accounting/index.ts'

/** Sums and plans as they are in currencies of each ISO 4217 exponent: the same prices in other minor units. */

export const EXPONENTS = [0, 2, 3] as const

const BASIS_POINTS = fc.bigInt({ min: 0n, max: 10_000n })

/** Up to ten million whole units, small sums as likely as large ones. */
export function sums(exponent: number): fc.Arbitrary<bigint> {
  const unit = 10n ** BigInt(exponent)
  return fc.oneof(fc.bigInt({ min: 1n, max: 200n }), fc.bigInt({ min: 1n, max: 10_000_000n * unit }))
}

export function fees(exponent: number) {
  return fc
    .record({
      basisPoints: BASIS_POINTS,
      fixedMinor: fc.bigInt({ min: 0n, max: 5n * 10n ** BigInt(exponent) }),
      rate: fc.option(BASIS_POINTS),
      onRefund: fc.constantFrom('kept' as const, 'proportional' as const),
    })
    .map(({ rate, ...plan }) => (rate === null ? plan : { ...plan, tax: { authority: 'kra', basisPoints: rate } }))
}

/** One to ten receivers whose basis points, cut from the whole, sum to no more than it; some have fixed sums instead. */
export function splits(exponent: number, options: { fixed: boolean }): fc.Arbitrary<Split[]> {
  const fixed = fc.bigInt({ min: 0n, max: 3n * 10n ** BigInt(exponent) })
  const rule = fc.record({ weight: fc.bigInt({ min: 0n, max: 1_000n }), fixed: fc.option(fixed, { freq: 2 }) })
  return fc.array(rule, { minLength: 1, maxLength: 10 }).map((rules) =>
    rules.map(({ weight, fixed: sum }, i) => {
      const merchant = `mer_${String(i)}`
      return options.fixed && sum !== null ? { merchant, fixedMinor: sum } : { merchant, basisPoints: weight }
    }),
  )
}

export function plans(exponent: number, options: { fixed: boolean }): fc.Arbitrary<PricePlan> {
  const commission = fc.record({ basisPoints: BASIS_POINTS, fixedMinor: fc.constant(0n) })
  return fc
    .record({ fee: fees(exponent), splits: splits(exponent, options), commission: fc.option(commission) })
    .map(({ commission: kept, ...plan }) => (kept === null ? plan : { ...plan, commission: kept }))
}

export function sumOf(all: readonly { amountMinor: bigint }[]): bigint {
  return all.reduce((sum, each) => sum + each.amountMinor, 0n)
}

/** A whole cut into parts, each at least 1. */
export function parts(wholeMinor: bigint): fc.Arbitrary<bigint[]> {
  return fc.array(fc.bigInt({ min: 1n, max: wholeMinor }), { maxLength: 8 }).map((cuts) => {
    const at = [...new Set([...cuts, wholeMinor])].toSorted((a, b) => (a < b ? -1 : 1))
    return at.map((cut, i) => cut - (at[i - 1] ?? 0n))
  })
}
