import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import {
  captureLegs,
  capturePrice,
  checkSplits,
  type MoneySource,
  type Price,
  type PricePlan,
  postingsOf,
  priceOf,
  refundPrice,
  refundShares,
  sourceAccount,
} from '../../../src/domain/accounting/index.ts'
import { feeOf } from '../../../src/domain/fee.ts'
import { EXPONENTS, fees, parts, plans, sumOf, sums } from './support.ts'

const OPERATOR: MoneySource = { type: 'operator', operator: 'demo-mobile' }

function priced(grossMinor: bigint, plan: PricePlan): Price {
  const price = priceOf(grossMinor, plan)
  fc.pre(price.ok)
  return price.value
}

describe.each(EXPONENTS)('money arithmetic at exponent %i', (exponent) => {
  it('divides a purchase wholly: what leaves its source is the gross, no leg is empty or negative', () => {
    fc.assert(
      fc.property(sums(exponent), plans(exponent, { fixed: true }), (gross, plan) => {
        const price = priced(gross, plan)
        expect(price.feeMinor + sumOf(price.shares)).toBe(gross)
        const { legs } = postingsOf({ type: 'purchase', source: OPERATOR, price, timing: 'reserve' })
        expect(sumOf(legs.filter((leg) => leg.debit.code === sourceAccount(OPERATOR).code))).toBe(gross)
        expect(legs.every((leg) => leg.amountMinor > 0n)).toBe(true)
      }),
    )
  })

  it('refuses exactly what leaves less than 1, or less than the fixed shares', () => {
    fc.assert(
      fc.property(sums(exponent), plans(exponent, { fixed: true }), (gross, plan) => {
        const net = gross - feeOf(gross, plan.fee).feeMinor
        const agreed = plan.splits.reduce(
          (sum, split) => sum + ('fixedMinor' in split ? split.fixedMinor : (net * split.basisPoints) / 10_000n),
          0n,
        )
        expect(priceOf(gross, plan).ok).toBe(net >= 1n && agreed <= net)
      }),
    )
  })

  it('divides the gross wholly or not at all, whatever the splits are', () => {
    const anything = fc.array(
      fc.oneof(
        fc.record({ merchant: fc.constantFrom('a', 'b', 'c'), basisPoints: fc.bigInt({ min: -100n, max: 12_000n }) }),
        fc.record({ merchant: fc.constantFrom('a', 'b', 'c'), fixedMinor: fc.bigInt({ min: -100n, max: 1_000n }) }),
      ),
      { maxLength: 3 },
    )
    fc.assert(
      fc.property(sums(exponent), fees(exponent), anything, (gross, fee, splits) => {
        const price = priceOf(gross, { fee, splits })
        if (!price.ok) return
        const { legs } = postingsOf({ type: 'purchase', source: OPERATOR, price: price.value, timing: 'reserve' })
        expect(sumOf(legs.filter((leg) => leg.debit.code === sourceAccount(OPERATOR).code))).toBe(gross)
        expect(sumOf(price.value.shares)).toBe(gross - price.value.feeMinor)
      }),
    )
  })

  it('takes a tax out of the fee that is never more than the fee', () => {
    fc.assert(
      fc.property(sums(exponent), fees(exponent), (gross, plan) => {
        const { feeMinor, tax } = feeOf(gross, plan)
        expect(feeMinor >= 0n && feeMinor <= gross).toBe(true)
        expect(tax === null || (tax.amountMinor >= 0n && tax.amountMinor <= feeMinor)).toBe(true)
      }),
    )
  })

  it('captures a part within every hold, divided as wholly as the gross', () => {
    const cases = fc
      .tuple(sums(exponent), plans(exponent, { fixed: false }))
      .chain(([gross, plan]) => fc.tuple(fc.constant(gross), fc.constant(plan), fc.bigInt({ min: 1n, max: gross })))
    fc.assert(
      fc.property(cases, ([gross, plan, part]) => {
        const held = priced(gross, plan)
        const captured = capturePrice(held, part, plan)
        fc.pre(captured.ok)
        expect(captured.value.feeMinor + sumOf(captured.value.shares)).toBe(part)
        expect(captured.value.feeMinor).toBe(part === gross ? held.feeMinor : feeOf(part, plan.fee).feeMinor)
        const holds = postingsOf({ type: 'purchase', source: OPERATOR, price: held, timing: 'reserve' }).legs
        const confirmed = captureLegs(OPERATOR, held, captured.value)
        expect(confirmed.map((leg) => [leg.debit.name, leg.credit.name])).toEqual(
          holds.map((leg) => [leg.debit.name, leg.credit.name]),
        )
        for (const [i, leg] of confirmed.entries()) {
          expect(leg.amountMinor >= 0n && leg.amountMinor <= (holds[i]?.amountMinor ?? -1n)).toBe(true)
        }
      }),
    )
  })

  it('refunds by parts what it refunds at once: amount, fee, tax, and no part negative', () => {
    const cases = sums(exponent).chain((gross) => fc.tuple(fc.constant(gross), fees(exponent), parts(gross)))
    fc.assert(
      fc.property(cases, ([gross, plan, refunds]) => {
        const fee = feeOf(gross, plan)
        const of = { ...fee, capturedMinor: gross, onRefund: plan.onRefund }
        let refunded = 0n
        const prices = refunds.map((amount) => {
          const price = refundPrice(amount, { ...of, refundedMinor: refunded })
          refunded += amount
          if (!price.ok) throw new Error('a part of what is left is refundable')
          return price.value
        })
        const whole = plan.onRefund === 'kept' ? 0n : fee.feeMinor
        const taxed = plan.onRefund === 'kept' ? 0n : (fee.tax?.amountMinor ?? 0n)
        expect(sumOf(prices)).toBe(gross)
        expect(prices.reduce((sum, price) => sum + price.feeMinor, 0n)).toBe(whole)
        expect(prices.reduce((sum, price) => sum + (price.tax?.amountMinor ?? 0n), 0n)).toBe(taxed)
        for (const price of prices) {
          expect(price.fromMerchantsMinor + price.feeMinor).toBe(price.amountMinor)
          expect(price.fromMerchantsMinor >= 0n && price.feeMinor >= 0n).toBe(true)
          expect(price.tax === null || price.tax.amountMinor >= 0n).toBe(true)
        }
      }),
    )
  })

  it('lets receivers bear refunds pro rata, however they are cut, to less than a unit each', () => {
    const cases = fc
      .array(sums(exponent), { minLength: 1, maxLength: 10 })
      .chain((shares) => fc.tuple(fc.constant(shares), parts(shares.reduce((a, b) => a + b))))
    fc.assert(
      fc.property(cases, ([shares, refunds]) => {
        const receivers = shares.map((shareMinor, i) => ({ merchant: `mer_${i}`, shareMinor, refundedMinor: 0n }))
        for (const amount of refunds) {
          const borne = refundShares(amount, receivers)
          expect(sumOf(borne)).toBe(amount)
          expect(borne.every((share) => share.amountMinor >= 0n)).toBe(true)
          for (const [i, receiver] of receivers.entries()) receiver.refundedMinor += borne[i]?.amountMinor ?? 0n
        }
        const others = BigInt(receivers.length - 1)
        for (const [i, { shareMinor, refundedMinor }] of receivers.entries()) {
          const over = refundedMinor - shareMinor
          // Only the first takes remainders, less than one for each of the others.
          expect(i === 0 ? over >= 0n && over <= others : over <= 0n && over >= -others).toBe(true)
        }
      }),
    )
  })
})

test('a split names one to ten receivers, each once, and shares no more than there is', () => {
  const many = (count: number) => Array.from({ length: count }, (_, i) => ({ merchant: `m${i}`, basisPoints: 100n }))
  const faults = [
    [],
    many(11),
    [...many(1), ...many(1)],
    [{ merchant: 'a', fixedMinor: -1n }],
    [
      { merchant: 'a', basisPoints: 6_000n },
      { merchant: 'b', basisPoints: 4_001n },
    ],
  ].map((splits) => checkSplits(splits))
  expect(faults.map((fault) => (fault.ok ? 'ok' : fault.error))).toEqual([
    'no_receiver',
    'too_many_receivers',
    'receiver_twice',
    'share_invalid',
    'shares_above_whole',
  ])
  expect(checkSplits(many(10)).ok).toBe(true)
})

test('a price without receivers is refused: nobody would have what is left after the fee', () => {
  const fee = { basisPoints: 150n, fixedMinor: 0n }
  expect(priceOf(1_000n, { fee, splits: [] })).toEqual({ ok: false, error: 'no_receiver' })
  const plan = { fee, splits: [{ merchant: 'a', basisPoints: 10_000n }] }
  expect(capturePrice(priced(1_000n, plan), 500n, { fee, splits: [] })).toEqual({ ok: false, error: 'no_receiver' })
})

test('a refund without receivers is a bug: nobody would bear it', () => {
  expect(() => refundShares(100n, [])).toThrow(RangeError)
})

test('the remainder of a split goes to its first receiver', () => {
  const thirds = ['a', 'b', 'c'].map((merchant) => ({ merchant, basisPoints: 3_333n }))
  const price = priceOf(100n, { fee: { basisPoints: 0n, fixedMinor: 0n }, splits: thirds })
  expect(price.ok && price.value.shares.map((share) => share.amountMinor)).toEqual([34n, 33n, 33n])
})

test('what a part leaves the first beyond its hold goes to the next: nothing above a hold is captured', () => {
  // Of 100 each of the nine has 10 and the first 10; of 99 each would have 9 and the first 18.
  const splits = Array.from({ length: 10 }, (_, i) => ({ merchant: `m${i}`, basisPoints: 1_000n }))
  const plan = { fee: { basisPoints: 0n, fixedMinor: 0n }, splits }
  const held = priced(100n, plan)
  const captured = capturePrice(held, 99n, plan)
  expect(captured.ok && captured.value.shares.map((share) => share.amountMinor)).toEqual([
    10n,
    10n,
    10n,
    10n,
    10n,
    10n,
    10n,
    10n,
    10n,
    9n,
  ])
})

test('fixed shares allow the whole to be captured and no part, and nobody captures more than is held', () => {
  const plan = { fee: { basisPoints: 150n, fixedMinor: 0n }, splits: [{ merchant: 'a', fixedMinor: 500n }] }
  const held = priced(1_000n, plan)
  expect(capturePrice(held, 1_000n, plan)).toEqual({ ok: true, value: held })
  expect(capturePrice(held, 999n, plan)).toEqual({ ok: false, error: 'full_capture_only' })
  expect(capturePrice(held, 1_001n, plan)).toEqual({ ok: false, error: 'amount_above_held' })
})

test('a refund is at least 1 and at most what is left', () => {
  const of = { feeMinor: 15n, tax: null, capturedMinor: 1_000n, refundedMinor: 400n, onRefund: 'kept' as const }
  expect(refundPrice(0n, of)).toEqual({ ok: false, error: 'amount_invalid' })
  expect(refundPrice(601n, of)).toEqual({ ok: false, error: 'amount_exceeds_refundable' })
  expect(refundPrice(600n, of).ok).toBe(true)
})

test('a tax is contained in its fee, rounded half to even', () => {
  const plan = { basisPoints: 10_000n, fixedMinor: 0n, tax: { authority: 'kra', basisPoints: 1_600n } }
  const taxOf = (fee: bigint) => feeOf(fee, plan).tax?.amountMinor
  expect([taxOf(1_160n), taxOf(185n), taxOf(3n), taxOf(0n)]).toEqual([160n, 26n, 0n, 0n])
})
