import type { Clock } from '../domain/clock.ts'
import { DURABLE_LIMITS } from './limits.ts'

/**
 * Where starts wait until Temporal can take them:
 *
 *  L1 So many are waited for as it answers soon, at most, so that it is never asked for more at once than it can do:
 *     each start that is answered lets one more in, each that takes long one fewer, each that fails half as many.
 *  L2 The fresh go first, for one that waits its turn out begins too late; every fourth turn is of those that are late,
 *     among them what nobody else looks after: recoveries, and payments whose workflow is gone. Neither lane can fill the
 *     other's place.
 *  L3 What has waited long is left to the sweeper, that knows what has expired meanwhile: a line longer than `start_by`
 *     would serve nobody else.
 */
export type StartLine = {
  /**
   * Runs it when its turn comes; never rejects. False where it is not taken: one of this id waits or is being started,
   * or its lane is full.
   */
  add(id: string, lane: Lane, run: () => Promise<void>): boolean
  /** What became of one, and how long it took, ms: how the line learns. */
  learn(outcome: 'answered' | 'failed', tookMs: number): void
  /** Leaves those who wait to the sweeper. */
  clear(): void
  /** Resolves when nothing is waited for any more. */
  settled(): Promise<void>
  /** Those in line, and how many may be waited for at once, now. */
  look(): { waiting: number; window: number }
}
type Lane = 'fresh' | 'late'
type Entry = { run: () => Promise<void>; since: number }

export function makeStartLine(clock: Pick<Clock, 'monotonic'>): StartLine {
  const started = new Map<string, Promise<void>>()
  const lanes: Readonly<Record<Lane, Map<string, Entry>>> = { fresh: new Map(), late: new Map() }
  let window: number = DURABLE_LIMITS.starts_at_first
  let turns = 0

  /** The first of a lane that has not waited too long; those before it are dropped. */
  function firstOf(lane: Map<string, Entry>): [id: string, entry: Entry] | undefined {
    const longAgo = clock.monotonic() - DURABLE_LIMITS.start_waits_ms
    for (const [id, entry] of lane) {
      lane.delete(id)
      if (entry.since >= longAgo) return [id, entry]
    }
    return undefined
  }

  function next(): [id: string, entry: Entry] | undefined {
    turns += 1
    const lateFirst = turns % DURABLE_LIMITS.late_turn === 0
    return lateFirst ? (firstOf(lanes.late) ?? firstOf(lanes.fresh)) : (firstOf(lanes.fresh) ?? firstOf(lanes.late))
  }

  function fill(): void {
    while (started.size < window) {
      const first = next()
      if (first === undefined) return
      const [id, { run }] = first
      started.set(
        id,
        run().finally(() => {
          started.delete(id)
          fill()
        }),
      )
    }
  }

  return {
    add(id, lane, run) {
      if (started.has(id) || lanes.fresh.has(id) || lanes.late.has(id)) return false
      if (lanes[lane].size >= DURABLE_LIMITS.starts_waiting) return false
      lanes[lane].set(id, { run, since: clock.monotonic() })
      fill()
      return true
    },
    learn(outcome, tookMs) {
      const { starts_at_most: most, starts_at_least: least, start_slow_ms: slowMs } = DURABLE_LIMITS
      const wanted = outcome === 'failed' ? Math.floor(window / 2) : window + (tookMs > slowMs ? -1 : 1)
      window = Math.min(most, Math.max(least, wanted))
    },
    clear() {
      lanes.fresh.clear()
      lanes.late.clear()
    },
    async settled() {
      await Promise.all(started.values())
    },
    look: () => ({ waiting: lanes.fresh.size + lanes.late.size, window }),
  }
}
