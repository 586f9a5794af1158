import type { Clock } from '../domain/clock.ts'

/**
 * Times to come back for those who are sent away: one after the other, so that what was too much today is not asked for
 * at one moment again. Nothing is kept of anybody but the latest time that was given.
 */
export type Comebacks = {
  /**
   * @param notBeforeMs from now
   * @param gapMs after the one before
   * @returns ms from now, at most `longestMs`: past it the times begin anew, among those that were given
   */
  next(notBeforeMs: number, gapMs: number): number
}

export function makeComebacks(clock: Clock, longestMs: number): Comebacks {
  let latest = Number.NEGATIVE_INFINITY
  return {
    next(notBeforeMs, gapMs) {
      const now = clock.monotonic()
      latest = Math.max(latest + gapMs, now + notBeforeMs)
      if (latest > now + longestMs) latest = now + Math.min(notBeforeMs, longestMs)
      return Math.ceil(latest - now)
    },
  }
}
