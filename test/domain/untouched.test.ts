import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { untouchedAfter, type UntouchedBefore, type UntouchedCaps } from '../../src/domain/untouched.ts'

const DAY_MS = 86_400_000
const dayOf = (ms: number): string => String(Math.floor(ms / DAY_MS))
const CAPS: UntouchedCaps = { paymentMaxMinor: 100n, dayMaxMinor: 250n, countMax: 5 }
const NEVER: UntouchedBefore = { count: 0, minor: 0n, atMs: null, touchedMs: null }

const after = (before: UntouchedBefore, amountMinor: bigint, atMs: number) =>
  untouchedAfter(before, { amountMinor, atMs }, CAPS, dayOf)

describe('what a code alone pays', () => {
  it.each([
    ['up to the most of one payment', NEVER, 100n, { count: 1, minor: 100n }],
    ['no more', NEVER, 101n, null],
    ['up to the most of a day', { count: 2, minor: 150n, atMs: 10, touchedMs: null }, 100n, { count: 3, minor: 250n }],
    ['no more of a day', { count: 2, minor: 151n, atMs: 10, touchedMs: null }, 100n, null],
    ['so often', { count: 4, minor: 4n, atMs: 10, touchedMs: null }, 1n, { count: 5, minor: 5n }],
    ['no more often', { count: 5, minor: 5n, atMs: 10, touchedMs: null }, 1n, null],
    ['often again after a signature', { count: 5, minor: 250n, atMs: 10, touchedMs: 10 }, 1n, { count: 1, minor: 1n }],
    ['not by a signature of before', { count: 5, minor: 5n, atMs: 10, touchedMs: 9 }, 1n, null],
  ] as const)('is %s', (_what, before, amount, expected) => {
    expect(after(before, amount, 20)).toEqual(expected)
  })

  it('is counted by the day, and in a row over all days', () => {
    const before = { count: 4, minor: 250n, atMs: DAY_MS - 1, touchedMs: null }
    expect(after(before, 1n, DAY_MS - 1)).toBeNull()
    expect(after(before, 100n, DAY_MS)).toEqual({ count: 5, minor: 100n })
    expect(after({ ...before, count: 5 }, 1n, DAY_MS)).toBeNull()
  })

  it('never passes a cap between two signatures, whatever is paid and when', () => {
    const step = fc.record({
      touch: fc.boolean(),
      amount: fc.bigInt({ min: 1n, max: 120n }),
      gapMs: fc.integer({ min: 1, max: DAY_MS / 2 }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let state = NEVER
        let now = 0
        let row = 0
        const days = new Map<string, bigint>()
        for (const { touch, amount, gapMs } of steps) {
          now += gapMs
          if (touch) {
            state = { ...state, touchedMs: now }
            row = 0
            days.clear()
            continue
          }
          const next = after(state, amount, now)
          const day = (days.get(dayOf(now)) ?? 0n) + amount
          const fits = amount <= CAPS.paymentMaxMinor && row < CAPS.countMax && day <= CAPS.dayMaxMinor
          expect(next !== null).toBe(fits)
          if (next === null) continue
          row += 1
          days.set(dayOf(now), day)
          state = { ...state, ...next, atMs: now }
        }
      }),
    )
  })
})
