import type { Clock } from '../domain/clock.ts'

/**
 * Times to come back for those who are sent away: one after the other, so that what was too much today is not asked for
 * at one moment again. Nothing is kept of anybody but the latest time that was given.
 */
export type Comebacks = {
  /** @param notBeforeMs from now; @param gapMs after the one before. Brings ms from now, at most `longestMs`. */
  next(notBeforeMs: number, gapMs: number): number
}

export function makeComebacks(clock: Clock, longestMs: number): Comebacks {
  let latest = Number.NEGATIVE_INFINITY
  return {
    next(notBeforeMs, gapMs) {
      const now = clock.monotonic()
      latest = Math.min(Math.max(latest + gapMs, now + notBeforeMs), now + longestMs)
      return Math.ceil(latest - now)
    },
  }
}
