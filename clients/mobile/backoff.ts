import { fraction, type Random } from './ports.ts'

/**
 * Full jitter: uniform over [0, min(cap, base × 2^attempt)), so that clients
 * dropped together come back spread out (M. Brooker, "Exponential Backoff And
 * Jitter", 2015). `attempt` counts from 0.
 */
export function fullJitter(attempt: number, base_ms: number, cap_ms: number, random: Random): number {
  const ceiling_ms = Math.min(cap_ms, base_ms * 2 ** Math.min(attempt, 30))
  return Math.floor(fraction(random) * ceiling_ms)
}
