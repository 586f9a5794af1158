import { setTimeout as delay } from 'node:timers/promises'

export type Rounds = {
  /** Begins no further round; resolves when none is running. */
  stop(): Promise<void>
}

/**
 * Runs a round again and again, one after the other: one that takes longer than its period is never overtaken by the
 * next. Periods vary by a fifth, so that processes started together do not do the same at the same moment.
 *
 * `round` looks at the signal where it can end early; what it throws is given to `failed`, and the next one comes.
 */
export function startRounds(deps: {
  everyMs: number
  round: (stopping: AbortSignal) => Promise<void>
  failed: (error: unknown) => void
}): Rounds {
  const stopping = new AbortController()
  const { signal } = stopping
  async function run(): Promise<void> {
    for (;;) {
      await delay(deps.everyMs * (0.8 + Math.random() * 0.4), undefined, { signal }).catch(() => {})
      if (signal.aborted) return
      await deps.round(signal).catch(deps.failed)
    }
  }
  const running = run()
  return {
    async stop() {
      stopping.abort()
      await running
    },
  }
}
