import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '../domain/clock.ts'
import { Buckets } from '../domain/rate.ts'
import { refuse, type Refusal } from '../domain/refusal.ts'
import { err, ok, type Result } from '../domain/result.ts'
import type { Log } from '../observe/log.ts'
import type { Sql } from '../ledger/index.ts'

/**
 * How much is accepted, and which way it goes:
 *
 *  E1 The express lane posts what is wholly in our books and captured at once, in the unit that accepts it: always,
 *     never, or while workflows cannot keep up or cannot be started.
 *  E2 Any other payment is refused `overloaded` while too many wait for their workflow: they would expire in the queue.
 *  E3 Neither asks the database for each command: the backlog is counted every half second, and what this process has
 *     accepted since is added.
 *  E4 Of one user only so many may begin a workflow in a time: else a few phones would fill the backlog for everybody.
 */
export type ExpressMode = 'off' | 'overload' | 'always'

export const ADMISSION_LIMITS = {
  /** Above so many unstarted payments, some two seconds of starts, wallet payments take the express lane. */
  express_backlog: 200,
  /** Above so many nothing more is accepted that needs a workflow: well under `start_by` away at 100 starts a second. */
  start_backlog: 2_000,
  count_every_ms: 500,
  retry_after_ms: 1_000,
  /** What one user may begin in each hub, beyond a burst. */
  user_per_s: 20,
  user_burst: 600,
  /** Users who are counted; the least used one is forgotten, that is full again. */
  users: 100_000,
} as const

export type Way = 'express' | 'workflow' | 'full'

export type Admission = {
  /** @param expressible its legs are all in our ledger and it is captured at once */
  way(expressible: boolean): Way
  /** Takes one of what this user may begin (E4); what is returned gives it back where nothing began. */
  begin(user: string): Result<() => void, Refusal>
  /** A payment was accepted for a workflow. */
  accepted(): void
  /** Accepted payments whose workflow has not begun, of all hubs, as far as known here. */
  backlog(): number
}

export function makeAdmission(deps: {
  mode: ExpressMode
  /** As last counted. */
  counted: () => number
  /** Whether workflows cannot be started at all. */
  startsFail: () => boolean
  clock: Pick<Clock, 'monotonic'>
  limits?: Partial<Record<keyof typeof ADMISSION_LIMITS, number>>
}): Admission & { recount(): void } {
  const limits = { ...ADMISSION_LIMITS, ...deps.limits }
  let since = 0
  const rate = { perSecond: limits.user_per_s, burst: limits.user_burst }
  const beginnings = new Buckets(rate, limits.users, () => deps.clock.monotonic())
  const backlog = () => deps.counted() + since
  return {
    way(expressible) {
      if (expressible && deps.mode === 'always') return 'express'
      const strained = deps.startsFail() || backlog() > limits.express_backlog
      if (expressible && deps.mode === 'overload' && strained) return 'express'
      return backlog() > limits.start_backlog ? 'full' : 'workflow'
    },
    begin(user) {
      const taken = beginnings.take(user)
      if (taken.ok) return ok(() => beginnings.giveBack(user))
      const { retryAfterMs } = taken
      return err(refuse('rate_limited', 'Too many payments begun by one payer; wait a little.', { retryAfterMs }))
    },
    accepted: () => void (since += 1),
    backlog,
    recount: () => void (since = 0),
  }
}

export function overloaded(): Refusal {
  return refuse('overloaded', 'Too many payments wait to begin; try again shortly with the same key.', {
    retryAfterMs: ADMISSION_LIMITS.retry_after_ms,
  })
}

/** Counts unstarted payments, no further than the admission asks, until `stop`. `counted` is told after each count. */
export function watchBacklog(deps: { sql: Sql; log: Log; counted: (backlog: number) => void }): {
  stop(): Promise<void>
} {
  const stopping = new AbortController()
  const run = async () => {
    while (!stopping.signal.aborted) {
      try {
        deps.counted(await countBacklog(deps.sql))
      } catch (error) {
        deps.log.warn({ err: error }, 'the payments that wait to begin could not be counted')
      }
      await delay(ADMISSION_LIMITS.count_every_ms, undefined, { signal: stopping.signal }).catch(() => {})
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

/** By the partial index of what has not started, which holds nothing else. */
export async function countBacklog(sql: Sql): Promise<number> {
  const [row] = await sql<{ waiting: number }[]>`
    select count(*)::int as waiting from (
      select from payments where status = 'processing' and started_at is null
      limit ${ADMISSION_LIMITS.start_backlog + 1}) w`
  return row?.waiting ?? 0
}
