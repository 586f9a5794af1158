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

/**
 * Does a batch of at most so many rows again and again until one comes back short, with a pause between, so that what has
 * piled up goes at once and never as one long transaction. Answers how many rows there were.
 */
export async function untilShort(
  { rows, gapMs, stopping }: { rows: number; gapMs: number; stopping?: AbortSignal | undefined },
  batch: (rows: number) => Promise<number>,
): Promise<number> {
  for (let total = 0; ;) {
    const done = await batch(rows)
    total += done
    if (done < rows) return total
    await delay(gapMs, undefined, stopping === undefined ? {} : { signal: stopping }).catch(() => {})
    if (stopping?.aborted === true) return total
  }
}
