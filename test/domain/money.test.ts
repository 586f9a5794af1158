import fc from 'fast-check'
import { expect, test } from 'vitest'
import { feeMinor } from '../../src/domain/fee.ts'
import { divideHalfEven, toDecimal } from '../../src/domain/money.ts'

const amount = fc.bigInt({ min: 1n, max: 10n ** 18n - 1n })
const plan = fc.record({
  basisPoints: fc.bigInt({ min: 0n, max: 10_000n }),
  fixedMinor: fc.bigInt({ min: 0n, max: 10_000n }),
})

test('a quotient is rounded to the nearest, halves to even', () => {
  const cases: [bigint, bigint, bigint][] = [
    [5n, 2n, 2n],
    [7n, 2n, 4n],
    [-5n, 2n, -2n],
    [10n, 4n, 2n],
    [14n, 4n, 4n],
    [1n, 3n, 0n],
    [2n, 3n, 1n],
  ]
  for (const [n, d, q] of cases) expect(divideHalfEven(n, d)).toBe(q)
  fc.assert(
    fc.property(fc.bigInt(), fc.bigInt({ min: 1n }), (n, d) => {
      const twice = 2n * (n - divideHalfEven(n, d) * d)
      expect(twice <= d && twice >= -d).toBe(true)
    }),
  )
})

test('a fee is never negative and never above the gross', () => {
  fc.assert(
    fc.property(amount, plan, (gross, fees) => {
      const fee = feeMinor(gross, fees)
      expect(fee >= 0n && fee <= gross).toBe(true)
    }),
  )
  expect(feeMinor(12_345n, { basisPoints: 150n, fixedMinor: 0n })).toBe(185n)
  expect(feeMinor(100n, { basisPoints: 150n, fixedMinor: 0n })).toBe(2n)
  expect(feeMinor(300n, { basisPoints: 150n, fixedMinor: 0n })).toBe(4n)
})

test('minor units become text with exactly the exponent’s decimals, and back', () => {
  expect([toDecimal(5n, 2), toDecimal(5n, 0), toDecimal(5n, 3), toDecimal(12_345n, 2)]).toEqual([
    '0.05',
    '5',
    '0.005',
    '123.45',
  ])
  fc.assert(
    fc.property(amount, fc.constantFrom(0, 2, 3), (value, exponent) => {
      expect(BigInt(toDecimal(value, exponent).replace('.', ''))).toBe(value)
    }),
  )
})
