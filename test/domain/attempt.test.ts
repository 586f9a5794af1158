import { describe, expect, it } from 'vitest'
import { INQUIRY_GAPS_MS, inquiryWaitMs, isInquiryDue } from '../../src/domain/attempt.ts'

const SCHEDULE = { deadlineMs: 8_000, gapsMs: INQUIRY_GAPS_MS }
/** 8, 10, 20, 80 and 170 s after dispatch. */
const wait = (sinceMs: number) => inquiryWaitMs(sinceMs, SCHEDULE)

describe('the next inquiry', () => {
  it.each([
    [0, 8_000],
    [8_000, 2_000],
    [10_000, 10_000],
    [20_000, 60_000],
    [80_000, 90_000],
    [170_000, 300_000],
    [90_000_000, 3_600_000],
  ])('%i ms after dispatch is %i ms away', (sinceMs, waitMs) => expect(wait(sinceMs)).toBe(waitMs))

  it('comes when it was to come, however often somebody asks between', () => {
    for (const sinceMs of [21_000, 40_000, 60_000, 65_000]) expect(sinceMs + wait(sinceMs)).toBe(80_000)
  })

  it('is not asked for twice where jitter made it early', () => {
    expect(74_000 + wait(74_000)).toBe(170_000)
    expect(7_300 + wait(7_300)).toBe(10_000)
  })
})

describe('an inquiry is the schedule’s own', () => {
  /** Dispatched at 0, last heard of and asked now, ms. */
  const due = (heardMs: number, nowMs: number, more: { state?: 'unknown' | 'pending'; inquiries?: number } = {}) =>
    isInquiryDue(
      { state: 'pending', inquiries: 1, dispatched_at: new Date(0), updated_at: new Date(heardMs), ...more },
      nowMs,
      SCHEDULE,
    )

  it.each([
    ['at the deadline', 0, 8_000],
    ['a gap after the last', 10_000, 20_000],
    ['as early as jitter allows', 10_000, 19_000],
    ['later', 20_000, 500_000],
  ] as const)('%s', (_, heardMs, nowMs) => expect(due(heardMs, nowMs)).toBe(true))

  it('at once where the answer was lost', () => {
    expect(due(200, 200, { state: 'unknown', inquiries: 0 })).toBe(true)
    expect(due(200, 200, { state: 'unknown', inquiries: 1 })).toBe(false)
  })

  it.each([
    ['before the deadline', 300, 5_000],
    ['soon after the last', 20_000, 21_000],
    ['within the long gaps', 400_000, 600_000],
  ] as const)('and not %s', (_, heardMs, nowMs) => expect(due(heardMs, nowMs)).toBe(false))
})
