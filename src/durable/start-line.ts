import { DURABLE_LIMITS } from './limits.ts'

/**
 * Where starts wait until Temporal can take them. So many are in flight as it answers soon, at most, so that it is
 * never asked for more at once than it can do: each start that is answered lets one more in, each that takes long one
 * fewer, each that fails half as many. The fresh go first: the others have waited long as it is, and a fresh one that
 * waits its turn out begins too late.
 */
export type StartLine = {
  /**
   * Runs it when its turn comes; never rejects. False where it is not taken: one of this id is in the line or in flight,
   * or the line is full.
   */
  add(id: string, lane: Lane, run: () => Promise<void>): boolean
  /** What became of one, and how long it took, ms: how the line learns. */
  learn(outcome: 'answered' | 'failed', tookMs: number): void
  /** Leaves those who wait to the sweeper. */
  clear(): void
  /** Resolves when nothing is in flight any more. */
  settled(): Promise<void>
  /** In flight at most, now. */
  readonly window: number
}
type Lane = 'fresh' | 'late'

export function makeStartLine(): StartLine {
  const inFlight = new Map<string, Promise<void>>()
  const lanes: Readonly<Record<Lane, Map<string, () => Promise<void>>>> = { fresh: new Map(), late: new Map() }
  let window: number = DURABLE_LIMITS.starts_in_flight_first

  function next(): [id: string, run: () => Promise<void>] | undefined {
    for (const lane of [lanes.fresh, lanes.late]) {
      const [first] = lane
      if (first === undefined) continue
      lane.delete(first[0])
      return first
    }
    return undefined
  }

  function fill(): void {
    while (inFlight.size < window) {
      const first = next()
      if (first === undefined) return
      const [id, run] = first
      inFlight.set(
        id,
        run().finally(() => {
          inFlight.delete(id)
          fill()
        }),
      )
    }
  }

  return {
    add(id, lane, run) {
      const waiting = lanes.fresh.size + lanes.late.size
      if (inFlight.has(id) || lanes.fresh.has(id) || lanes.late.has(id)) return false
      if (waiting >= DURABLE_LIMITS.starts_waiting) return false
      lanes[lane].set(id, run)
      fill()
      return true
    },
    learn(outcome, tookMs) {
      const { starts_in_flight: most, starts_in_flight_least: least, start_slow_ms: slowMs } = DURABLE_LIMITS
      const wanted = outcome === 'failed' ? Math.floor(window / 2) : window + (tookMs > slowMs ? -1 : 1)
      window = Math.min(most, Math.max(least, wanted))
    },
    clear() {
      lanes.fresh.clear()
      lanes.late.clear()
    },
    async settled() {
      await Promise.all(inFlight.values())
    },
    get window() {
      return window
    },
  }
}
