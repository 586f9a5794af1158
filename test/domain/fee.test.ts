import { expect, test } from 'vitest'
import { feeMinor, type FeePlan } from '../../src/domain/fee.ts'

const plan: FeePlan = { basisPoints: 100n, fixedMinor: 5n, minimumMinor: 20n, capMinor: 300n }

test.each([
  // At least the minimum, and never more than there is.
  [1_000n, 20n],
  [19n, 19n],
  [1_500n, 20n],
  [1_600n, 21n],
  [10_000n, 105n],
  // At most the cap.
  [29_500n, 300n],
  [1_000_000n, 300n],
])('of %s the fee is %s', (gross, fee) => {
  expect(feeMinor(gross, plan)).toBe(fee)
})

test('without minimum and cap it is the percentage and the fixed part', () => {
  expect(feeMinor(0n, { basisPoints: 150n, fixedMinor: 0n })).toBe(0n)
  expect(feeMinor(10_001_000n, { basisPoints: 150n, fixedMinor: 1n })).toBe(150_016n)
})
