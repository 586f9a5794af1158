import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '../domain/clock.ts'
import { timestamp } from '../domain/clock.ts'
import type { Ids } from '../domain/ids.ts'
import type { Ledger, Sql } from '../ledger/index.ts'
import type { Log } from '../observe/log.ts'

/** At most this many waiting attempts are woken by one recovery, this far apart: a rail just back is not flooded. */
const WAKE = { attempts: 500, gap_ms: 20 } as const

/** Lets an attempt that waits be asked about now; one that has its outcome stays as it is. */
export async function askNow(
  deps: { ledger: Ledger; ids: Ids; clock: Clock },
  { payment, no }: { payment: string; no: number },
): Promise<boolean> {
  const result = await deps.ledger.apply({
    id: deps.ids.uuid(),
    guard: { attempt: { payment, no, states: ['dispatched', 'unknown', 'pending'] } },
    ok: { attempt: { next_look_at: timestamp(deps.clock.now()) } },
  })
  return result.code === 'ok'
}

/**
 * Notices when a rail answers again after failures, and then lets every attempt
 * that waits for a later inquiry ask now, oldest first (payments.md, Inquiry).
 */
export function makeRailHealth(deps: {
  sql: Sql
  ledger: Ledger
  ids: Ids
  clock: Clock
  log: Log
  wake: (payment: string) => void
}): { heard(rail: string, answered: boolean): void } {
  /** A process just started does not know how its rails were. */
  const failing = new Map<string, boolean>()
  const waking = new Set<string>()

  async function wakeWaiting(rail: string): Promise<void> {
    const rows = await deps.sql<{ payment: string; no: number }[]>`
      select payment, no from attempts
      where rail = ${rail} and state in ('unknown', 'pending') and next_look_at > clock_timestamp() + interval '1 second'
      order by dispatched_at limit ${WAKE.attempts}`
    for (const row of rows) {
      if (await askNow(deps, row)) deps.wake(row.payment)
      await delay(WAKE.gap_ms)
    }
  }

  return {
    heard(rail, answered) {
      const before = failing.get(rail) ?? true
      failing.set(rail, !answered)
      if (!before || !answered || waking.has(rail)) return
      waking.add(rail)
      wakeWaiting(rail)
        .catch((error: unknown) =>
          deps.log.warn({ err: error, rail }, 'waiting attempts could not be woken; their timers will'),
        )
        .finally(() => waking.delete(rail))
    },
  }
}
