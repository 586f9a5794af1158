import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from '../../observe/log.ts'
import type { Query, Sql } from '../database.ts'
import { HISTORY_LIMITS } from './limits.ts'

/**
 * Sealing writes the hash chain and the checkpoints of balances, behind the hot path and behind everything that may
 * still be committed in between. Any number of processes may ask for it; the database lets one at a time.
 */

/** What one call did. `waiting`: positions that can be sealed at once by the next. */
export type Sealed = { transfers: number; upto: bigint; waiting: bigint }

/** Null where another process is at it. Must not run inside a transaction that has written. */
export async function seal(sql: Query, limit: number = HISTORY_LIMITS.seal_transfers): Promise<Sealed | null> {
  const [row] = await sql<Sealed[]>`select transfers, upto, waiting from seal_transfers(${limit})`
  return row ?? null
}

/**
 * Seals what was committed before this call, as far as no transaction that is older still runs.
 *
 * @returns the position up to which history is sealed
 */
export async function sealWhatIsThere(sql: Sql, options: { withinMs: number }): Promise<bigint> {
  const deadline = performance.now() + options.withinMs
  const [drawn] = await sql<{ last: bigint }[]>`select coalesce(max(position), 0) as last from transfers`
  for (;;) {
    await seal(sql)
    const [row] = await sql<{ position: bigint }[]>`select position from sealed`
    if (row === undefined) throw new Error('the watermark of history is gone')
    if (row.position >= (drawn?.last ?? 0n) || performance.now() > deadline) return row.position
    await delay(HISTORY_LIMITS.seal_again_after_ms)
  }
}

export type Sealer = {
  /** Ends the timer; resolves when no call is running. */
  stop(): Promise<void>
}

/** Calls the sealing on a timer, and again at once while a backlog waits. */
export function startSealer(deps: { sql: Sql; log: Log; everyMs?: number }): Sealer {
  const { sql, log, everyMs = HISTORY_LIMITS.seal_every_ms } = deps
  let stopped = false
  let running: Promise<void> | null = null

  async function round(): Promise<void> {
    try {
      for (;;) {
        const done = await seal(sql)
        if (stopped || done === null || done.waiting === 0n) return
      }
    } catch (error) {
      log.warn({ err: error }, 'history was not sealed; it is tried again')
    }
  }

  const timer = setInterval(() => {
    running ??= round().finally(() => {
      running = null
    })
  }, everyMs)
  return {
    async stop() {
      stopped = true
      clearInterval(timer)
      await running
    },
  }
}
