import * as fc from 'fast-check'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { BUDGET_LIMITS, type InquiryBudget, type Lane, makeInquiryBudget } from '../../src/payments/index.ts'

/** The budget of inquiries (B1–B5), on a clock that only the test moves. */

const RAIL = 'bank'
const LANES = ['scheduled', 'woken'] as const

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const now = () => performance.now()
const budgetOf = (perSecond: number, registry = new Registry()) =>
  makeInquiryBudget({ clock: { now: Date.now, monotonic: now }, registry, perSecond: () => perSecond })

/** Who asks, as the rows of attempts do: again when told to, until it was asked. */
async function askUntilAsked(budget: InquiryBudget, lane: Lane, begun: number[]) {
  const asker = { refusals: 0, waitedMs: 0, askedAt: Number.NaN }
  for (;;) {
    const from = now()
    const came = await budget.ask(RAIL, lane, () => {
      begun.push(now())
      return Promise.resolve({ kind: 'settled' })
    })
    if (!('afterMs' in came)) return { ...asker, waitedMs: now() - from, askedAt: now() }
    asker.refusals += 1
    const { afterMs } = came
    await new Promise((resolve) => setTimeout(resolve, afterMs))
  }
}

/** The most that began within any second; the difference of two floats may fall short of a whole one. */
function mostInASecond(begun: readonly number[]): number {
  return Math.max(0, ...begun.map((at) => begun.filter((each) => each >= at && each - at < 1_000 - 1e-6).length))
}

test('in no second more than the budget begin, nobody waits longer than its turn takes, and everybody is asked', async () => {
  const arrivals = fc.array(fc.record({ atMs: fc.integer({ max: 3_000, min: 0 }), lane: fc.constantFrom(...LANES) }), {
    maxLength: 150,
    size: 'max',
  })
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 30 }), arrivals, async (perSecond, asked) => {
      const budget = budgetOf(perSecond)
      const begun: number[] = []
      const all = asked.map(async ({ atMs, lane }) => {
        await new Promise((resolve) => setTimeout(resolve, atMs))
        return askUntilAsked(budget, lane, begun)
      })
      // Twice what they need one after the other.
      await vi.advanceTimersByTimeAsync(6_000 + (2_000 * asked.length) / perSecond)
      expect(begun).toHaveLength(asked.length)
      expect(mostInASecond(begun)).toBeLessThanOrEqual(perSecond)
      for (const { waitedMs } of await Promise.all(all)) {
        expect(waitedMs).toBeLessThanOrEqual(perSecond === 1 ? 2_002 : 1_001)
      }
    }),
    { numRuns: 60 },
  )
})

test('what finds no turn is not kept here, and is told to come back as turns become free', async () => {
  const budget = budgetOf(20)
  let asked = 0
  const question = () => Promise.resolve({ kind: String(asked++) })
  const came = Array.from({ length: 10_000 }, () => budget.ask(RAIL, 'scheduled', question))
  await vi.advanceTimersByTimeAsync(0)
  expect(asked).toBe(20)
  await vi.advanceTimersByTimeAsync(1_001)
  expect(asked).toBe(30)
  const later = (await Promise.all(came)).flatMap((each) => ('afterMs' in each ? [each.afterMs] : []))
  expect(later).toHaveLength(10_000 - 30)
  expect(later.slice(0, 3)).toEqual([1_050, 1_100, 1_150])
  expect(Math.max(...later)).toBe(BUDGET_LIMITS.later_max_ms)
})

test('a flood of woken inquiries takes no turn from the schedule, nor the schedule’s from what was woken', async () => {
  for (const flooded of LANES) {
    const budget = budgetOf(20)
    const begun: number[] = []
    const flood = setInterval(() => {
      for (let i = 0; i < 10; i++) void budget.ask(RAIL, flooded, () => Promise.resolve({ kind: 'unknown' }))
    }, 10)
    await vi.advanceTimersByTimeAsync(2_000)
    const all = Array.from({ length: 50 }, async (_, i) => {
      await new Promise((resolve) => setTimeout(resolve, i * 101))
      return askUntilAsked(budget, flooded === 'woken' ? 'scheduled' : 'woken', begun)
    })
    await vi.advanceTimersByTimeAsync(7_000)
    clearInterval(flood)
    expect(begun).toHaveLength(50)
    for (const { refusals, waitedMs } of await Promise.all(all)) {
      expect(refusals).toBe(0)
      expect(waitedMs).toBeLessThanOrEqual(1_001)
    }
  }
})

test('who came first of its sort is asked first', async () => {
  const budget = budgetOf(8)
  const order: string[] = []
  const ask = (name: string, lane: Lane) =>
    budget.ask(RAIL, lane, () => Promise.resolve({ kind: String(order.push(name)) }))
  for (let i = 0; i < 8; i++) void ask('first', 'scheduled')
  for (const name of ['a', 'b', 'c']) void ask(name, 'scheduled')
  for (const name of ['x', 'y', 'z']) void ask(name, 'woken')
  await vi.advanceTimersByTimeAsync(1_001)
  expect(order.slice(8)).toEqual(['x', 'a', 'y', 'b', 'z', 'c'])
})

test('one rail’s budget is no other’s, and what was asked and held is counted', async () => {
  const metrics = new Registry()
  const budget = budgetOf(1, metrics)
  const ask = (rail: string) => budget.ask(rail, 'woken', () => Promise.resolve({ kind: 'pending' }))
  const came = [ask(RAIL), ask(RAIL), ask(RAIL), ask('operator')]
  expect(await came[3]).toEqual({ kind: 'pending' })
  expect(await came[2]).toMatchObject({ kind: 'not_asked' })
  const text = await metrics.metrics()
  expect(text).toContain('mooring_rail_inquiries_total{rail="bank",outcome="pending"} 1')
  expect(text).toContain('mooring_rail_inquiries_held_total{rail="bank",lane="woken",turn="waited"} 1')
  expect(text).toContain('mooring_rail_inquiries_held_total{rail="bank",lane="woken",turn="refused"} 1')
  expect(text).toContain('mooring_rail_inquiries_waiting{rail="bank"} 1')
  await vi.advanceTimersByTimeAsync(1_001)
  expect(await came[1]).toEqual({ kind: 'pending' })
})
