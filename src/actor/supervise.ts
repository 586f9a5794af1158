import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from '../observe/log.ts'

export type Backoff = { first_ms: number; max_ms: number; healthy_after_ms: number }

/**
 * Runs `run` until `signal` aborts, starting it again when it fails: first after
 * `first_ms`, doubling up to `max_ms`, each with jitter so that processes do not
 * come back in step. A run that lasted `healthy_after_ms` resets the wait.
 */
export async function supervise(options: {
  name: string
  run: (signal: AbortSignal) => Promise<void>
  signal: AbortSignal
  log: Log
  backoff: Backoff
}): Promise<void> {
  const { name, run, signal, log, backoff } = options
  let wait_ms = backoff.first_ms
  while (!signal.aborted) {
    const startedAt = performance.now()
    try {
      await run(signal)
    } catch (error) {
      if (signal.aborted) return
      if (performance.now() - startedAt >= backoff.healthy_after_ms) wait_ms = backoff.first_ms
      log.warn({ err: error, wait_ms }, `${name} failed; starting it again`)
    }
    await delay(wait_ms * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => undefined)
    wait_ms = Math.min(wait_ms * 2, backoff.max_ms)
  }
}
