import { WINDOW_S } from './signature.ts'

/**
 * Nonces of callbacks seen within the time a signature is good for. Kept in
 * this process only: a replay to another hub passes here and ends at the store,
 * where (rail, event id) is unique. This is the cheap first line, not the last.
 */
export type Nonces = {
  /** True the first time, false for a repetition. */
  use(nonce: string, nowMs: number): boolean
  /** For a message that could not be dealt with, so that the same delivery may be tried again. */
  forget(nonce: string): void
}

const NONCES_MAX = 100_000
/** `created` may be this far ahead and the signature lives as long again. */
const KEEP_MS = 2 * WINDOW_S * 1000

export function makeNonces(): Nonces {
  /** In order of arrival, hence of expiry. */
  const seen = new Map<string, number>()
  return {
    use: (nonce, nowMs) => {
      for (const [old, until] of seen) {
        if (until > nowMs && seen.size < NONCES_MAX) break
        seen.delete(old)
      }
      if (seen.has(nonce)) return false
      seen.set(nonce, nowMs + KEEP_MS)
      return true
    },
    forget: (nonce) => {
      seen.delete(nonce)
    },
  }
}
