import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from '../../observe/log.ts'
import type { Query, Sql } from '../database.ts'
import { type Rounds, startRounds } from '../rounds.ts'
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

/** Seals on a timer, and again at once while a backlog waits. */
export function startSealer(deps: { sql: Sql; log: Log; everyMs?: number }): Rounds {
  const { sql, log, everyMs = HISTORY_LIMITS.seal_every_ms } = deps
  return startRounds({
    everyMs,
    round: async (stopping) => {
      for (;;) {
        const done = await seal(sql)
        if (stopping.aborted || done === null || done.waiting === 0n) return
      }
    },
    failed: (error) => log.warn({ err: error }, 'history was not sealed; it is tried again'),
  })
}
