import { setTimeout as delay } from 'node:timers/promises'
import postgres, { type Sql } from 'postgres'
import type { RelayLimits } from './limits.ts'

export type Leadership = {
  /** The one connection that holds the lock; everything the leader does in Postgres goes through it. */
  sql: Sql
  /** Aborts when that connection is gone, and with it the lock. */
  lost: AbortSignal
}

/**
 * Waits for the relay's advisory lock and runs `lead` while holding it. Leadership
 * lives exactly as long as its connection. Two leaders for a moment would do no
 * harm (the stream drops what it has by event id), so no fencing is needed.
 * Asks again and again rather than waiting in Postgres: a blocked statement would
 * hold back vacuum's horizon for as long as this relay is on standby.
 */
export async function withLeadership(options: {
  databaseUrl: string
  name: string
  limits: RelayLimits
  signal: AbortSignal
  onStandby: () => void
  lead: (leadership: Leadership) => Promise<void>
}): Promise<void> {
  const { limits, signal } = options
  const lost = new AbortController()
  const sql = postgres(options.databaseUrl, {
    max: 1,
    // See src/ledger/database.ts.
    fetch_types: false,
    idle_timeout: 0,
    max_lifetime: null,
    connect_timeout: 5,
    onnotice: () => {},
    onclose: () => lost.abort(new Error('the connection that held the relay lock is gone')),
    connection: {
      application_name: options.name,
      statement_timeout: limits.statement_timeout_ms,
      // A lost mark only publishes an event again, which the stream and the edges drop.
      synchronous_commit: 'off',
    },
  })
  try {
    while (!signal.aborted) {
      const [row] = await sql<
        { held: boolean }[]
      >`select pg_try_advisory_lock(hashtextextended('mooring.relay', 0)) as held`
      if (row?.held === true) {
        await options.lead({ sql, lost: AbortSignal.any([signal, lost.signal]) })
        if (!signal.aborted) throw new Error('leadership lost', { cause: lost.signal.reason })
        return
      }
      options.onStandby()
      await delay(limits.lock_poll_ms, undefined, { signal }).catch(() => undefined)
    }
  } finally {
    await sql.end({ timeout: 1 })
  }
}
