import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '../domain/clock.ts'
import { timestamp } from '../domain/clock.ts'
import type { Ids } from '../domain/ids.ts'
import type { Ledger, Sql } from '../ledger/index.ts'
import type { Log } from '../observe/log.ts'
import type { AttemptRow } from './rows.ts'

type AskDeps = { ledger: Ledger; ids: Ids; clock: Clock }

/** Lets an attempt that waits be asked about at `atMs`, as long as its present call is this one; one that has its outcome stays as it is. */
export async function askAt(
  deps: AskDeps,
  { payment, no, dispatch_token: token }: Pick<AttemptRow, 'payment' | 'no' | 'dispatch_token'>,
  atMs: number,
): Promise<boolean> {
  const states: ('dispatched' | 'unknown' | 'pending')[] = ['dispatched', 'unknown', 'pending']
  const result = await deps.ledger.apply({
    id: deps.ids.uuid(),
    guard: { attempt: { payment, no, states, ...(token === null ? {} : { token }) } },
    ok: { attempt: { next_look_at: timestamp(atMs) } },
  })
  return result.code === 'ok'
}

/** The same, now, whichever call is its present one. */
export async function askNow(deps: AskDeps, { payment, no }: { payment: string; no: number }): Promise<boolean> {
  return askAt(deps, { payment, no, dispatch_token: null }, deps.clock.now())
}

type Health = {
  failing: boolean
  /** When it last answered after failures, ms since the epoch. */
  backAtMs: number
  waking: boolean
}

/** Rows of one look into the database are no more than this, and no more than are woken within a second. */
const PAGE_MAX = 200

/**
 * Notices when a rail answers again after failures, and then lets every attempt that waits for a later inquiry, of
 * payments and of refunds, ask now: the oldest first, and no faster than the rail's budget of inquiries. A rail that
 * fails again meanwhile is left alone until its next answer, and those that were asked about since it came back are
 * not woken again.
 */
export function makeRailHealth(
  deps: AskDeps & {
    sql: Sql
    log: Log
    /** Tells the workflow of a payment or refund to look; best effort, its own timer is behind it. */
    wake: (bearer: string) => void
    /** Inquiries a second that a rail takes. */
    perSecond: (rail: string) => number
  },
): { heard(rail: string, answered: boolean): void } {
  const rails = new Map<string, Health>()

  function healthOf(rail: string): Health {
    const there = rails.get(rail)
    if (there !== undefined) return there
    // A process just started does not know how its rails were.
    const made: Health = { failing: true, backAtMs: 0, waking: false }
    rails.set(rail, made)
    return made
  }

  async function wakeAll(rail: string, health: Health): Promise<void> {
    health.waking = true
    try {
      let backAtMs: number
      do {
        backAtMs = health.backAtMs
        await wakeWaiting(rail, () => !health.failing && health.backAtMs === backAtMs, backAtMs)
      } while (!health.failing && health.backAtMs !== backAtMs)
    } finally {
      health.waking = false
    }
  }

  async function wakeWaiting(rail: string, goOn: () => boolean, backAtMs: number): Promise<void> {
    const perSecond = deps.perSecond(rail)
    const limit = Math.min(PAGE_MAX, perSecond)
    const { sql } = deps
    let last: { payment: string; no: number; at: string } | undefined
    do {
      const after =
        last === undefined ? sql`` : sql`and (dispatched_at, payment) > (${last.at}::timestamptz, ${last.payment})`
      // Another hub may be at the same: what it woke or asked about leaves the next page.
      const rows: { payment: string; no: number; at: string }[] = await sql`
        select payment, no, dispatched_at::text as at from attempts
        where rail = ${rail} and state in ('unknown', 'pending') and updated_at <= ${timestamp(backAtMs)}
          and next_look_at > clock_timestamp() + interval '1 second' ${after}
        order by dispatched_at, payment limit ${limit}`
      for (const row of rows) {
        if (!goOn()) return
        if (await askNow(deps, row)) deps.wake(row.payment)
        await delay(1_000 / perSecond)
      }
      last = rows.at(-1)
    } while (last !== undefined)
  }

  return {
    heard(rail, answered) {
      const health = healthOf(rail)
      const isBack = health.failing && answered
      health.failing = !answered
      if (!isBack) return
      health.backAtMs = deps.clock.now()
      if (health.waking) return
      wakeAll(rail, health).catch((error: unknown) =>
        deps.log.warn({ err: error, rail }, 'waiting attempts could not be woken; their timers will'),
      )
    },
  }
}
