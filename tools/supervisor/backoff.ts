const FIRST_MS = 100
const LONGEST_MS = 10_000
/** A process that was up this long begins again at the first step. */
const STEADY_MS = 60_000

export type Backoff = { failures: number }

/** How long to wait before the next start, and what to remember; `upMs` is how long the process had been ready. */
export function afterExit(backoff: Backoff, upMs: number): { delayMs: number; backoff: Backoff } {
  const failures = upMs >= STEADY_MS ? 0 : backoff.failures
  return { delayMs: Math.min(FIRST_MS * 2 ** failures, LONGEST_MS), backoff: { failures: failures + 1 } }
}
