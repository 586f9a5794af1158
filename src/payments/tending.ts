import { setTimeout as delay } from 'node:timers/promises'
import { timestamp } from '../domain/clock.ts'
import { FAST_WINDOW_MS, isUnresolved } from '../domain/attempt.ts'
import { endUnaccepted } from './asked.ts'
import { awaitRail, release } from './moves.ts'
import { nextOf } from './next.ts'
import { type About, aboutMandate } from './about.ts'
import type { EvidenceName } from './aftermath.ts'
import { makeEvidenceBook } from './evidence.ts'
import type { PaymentDeps } from './deps.ts'
import type { PaymentRow } from './rows.ts'

/**
 * What looks after payments nobody is moving:
 *
 *  T1 Expiry: a payment nobody has accepted that is past `expires_at` becomes `expired` within seconds.
 *  T2 Sweeper: an accepted payment whose workflow did not start is started, or,
 *     past `start_by` with nothing dispatched, expires and its hold is voided.
 *  T3 Patrol: a processing payment nobody touched for a while gets its workflow
 *     again, and so does a held one that has expired or of which something was asked; one that runs is told to look,
 *     and one whose tasks fail begins anew.
 *  T4 Candour: a payment whose call went out and was not heard of within the fast
 *     window says `awaiting_rail`, also where the process that made the call died.
 *  T5 Evidence: what a rail said after the end, and nobody is at work on, gets its recovery again.
 *  T6 Codes: a code that was taken and is not on its way has its workflow told of it: it is good for a minute.
 *
 * Any hub may run them at once: every change is a compare-and-set and a start is
 * idempotent by its workflow id.
 */

export const TENDING_LIMITS = {
  expiry_every_ms: 1_000,
  sweep_every_ms: 500,
  candour_every_ms: 1_000,
  codes_every_ms: 2_000,
  patrol_every_ms: 30_000,
  evidence_every_ms: 5_000,
  /** Evidence that somebody took up and nothing came of is taken up again. */
  evidence_again_ms: 60_000,
  /** Between pages of one patrol: after a loss of Temporal's database all of them are found within seconds. */
  patrol_page_gap_ms: 1_000,
  /** A start gets this long to happen before the sweeper makes it again. */
  start_grace_ms: 2_000,
  /** A code gets this long to leave before its workflow is told again. */
  code_grace_ms: 2_000,
  /** A payment untouched this long is looked at by the patrol. */
  patrol_idle_ms: 30_000,
  rows: 200,
} as const

type TendDeps = Pick<
  PaymentDeps,
  'sql' | 'store' | 'ledger' | 'ids' | 'clock' | 'log' | 'startLate' | 'restart' | 'rails'
>

type TendCodes = Pick<PaymentDeps, 'sql' | 'wake'>
type TendEvidence = { recover: (evidence: EvidenceName) => void }

export type Tending = { stop(): Promise<void> }

export function tend(deps: TendDeps & TendCodes & TendEvidence): Tending {
  const stopping = new AbortController()
  const every = async (periodMs: number, name: string, round: () => Promise<void>) => {
    while (!stopping.signal.aborted) {
      // Jitter, so that hubs started together do not sweep together.
      await delay(periodMs * (0.8 + Math.random() * 0.4), undefined, { signal: stopping.signal }).catch(() => {})
      if (stopping.signal.aborted) return
      try {
        await round()
      } catch (error) {
        deps.log.warn({ err: error, round: name }, 'a round of tending failed; the next one tries again')
      }
    }
  }
  const rounds = [
    every(TENDING_LIMITS.expiry_every_ms, 'expiry', () => expireOpen(deps)),
    every(TENDING_LIMITS.sweep_every_ms, 'sweep', () => sweep(deps)),
    every(TENDING_LIMITS.candour_every_ms, 'candour', () => sayAwaiting(deps)),
    every(TENDING_LIMITS.codes_every_ms, 'codes', () => sendCodes(deps)),
    every(TENDING_LIMITS.evidence_every_ms, 'evidence', () => recoverAgain(deps)),
    every(TENDING_LIMITS.patrol_every_ms, 'patrol', () => patrol(deps, stopping.signal)),
  ]
  return {
    async stop() {
      stopping.abort()
      await Promise.all(rounds)
    },
  }
}

/** T1, by the database's clock. What was accepted holds money, and its attempt decides about it. */
export async function expireOpen(deps: TendDeps): Promise<void> {
  const rows = await deps.sql<PaymentRow[]>`
    select * from payments
    where status in ('requires_confirmation', 'requires_action') and accepted_at is null
      and expires_at <= clock_timestamp()
    order by expires_at limit ${TENDING_LIMITS.rows}`
  await Promise.all(
    // A confirm that was first makes the guard fail: then there is nothing to expire.
    rows.map(async (row) => {
      await deps.ledger.apply(endUnaccepted(row, 'expired', deps.ids, deps.clock.now()).unit)
    }),
  )
}

/** T2. */
export async function sweep(deps: TendDeps): Promise<void> {
  const graceS = TENDING_LIMITS.start_grace_ms / 1_000
  const rows = await deps.sql<({ id: string; late: boolean } & About)[]>`
    select p.id, p.start_by <= clock_timestamp() as late, p.kind, p.merchant, p.payer as user, a.rail from payments p
    left join attempts a on a.payment = p.id and a.no = 1
    where p.status = 'processing' and p.started_at is null
      and p.accepted_at <= clock_timestamp() - make_interval(secs => ${graceS})
    order by p.accepted_at limit ${TENDING_LIMITS.rows}`
  deps.startLate(rows.filter(({ late }) => !late).map(({ id, ...about }) => ({ id, about })))
  for (const { id, late } of rows) {
    if (!late) continue
    await expireUnstarted(deps, id).catch((error: unknown) =>
      // One that cannot be expired must not keep the sweeper from those behind it.
      deps.log.error({ err: error, payment: id }, 'a payment past its time could not be expired'),
    )
  }
}

/** Past `start_by`: one compare-and-set against dispatch decides which of the two happens. */
async function expireUnstarted(deps: TendDeps, id: string): Promise<void> {
  const state = await deps.store.state(id)
  if (state === null) return
  const next = nextOf(state, deps.clock.now(), deps.rails.profile)
  if (next.step !== 'release' || next.end.status !== 'expired') return
  const { unit } = release(state, next.end, ['prepared'], deps.ids, deps.clock.now())
  await deps.ledger.apply(unit)
}

/** T4. A moment later than the process that awaits the answer would say it itself. */
export async function sayAwaiting(deps: TendDeps): Promise<void> {
  const afterS = (FAST_WINDOW_MS + 500) / 1_000
  const rows = await deps.sql<{ payment: string }[]>`
    select a.payment from attempts a
    join payments p on p.id = a.payment
    where a.state in ('dispatched', 'pending', 'unknown')
      and a.dispatched_at <= clock_timestamp() - make_interval(secs => ${afterS})
      and p.status in ('processing', 'requires_capture') and p.status_reason is null
    limit ${TENDING_LIMITS.rows}`
  for (const { payment } of rows) {
    const state = await deps.store.state(payment)
    if (state?.attempt == null || !isUnresolved(state.attempt.state) || state.payment.status_reason !== null) continue
    await deps.ledger.apply({
      id: deps.ids.uuid(),
      guard: { payment: { id: payment, version: state.payment.version } },
      ok: awaitRail(state, deps.ids, deps.clock.now()),
    })
  }
}

/** T6. Its hub may have died between taking the code and telling of it. */
export async function sendCodes(deps: TendCodes): Promise<void> {
  const graceS = TENDING_LIMITS.code_grace_ms / 1_000
  const rows = await deps.sql<{ payment: string }[]>`
    select payment from attempts
    where state = 'prepared' and step = 'validate'
      and updated_at <= clock_timestamp() - make_interval(secs => ${graceS})
    order by updated_at limit ${TENDING_LIMITS.rows}`
  for (const { payment } of rows) deps.wake(payment)
}

/** T5. What people must end has its recovery as well, so that they find it there. */
export async function recoverAgain(deps: Pick<TendDeps, 'sql'> & TendEvidence): Promise<void> {
  const { rows, evidence_again_ms: againMs } = TENDING_LIMITS
  for (const evidence of await makeEvidenceBook(deps.sql).claim(rows, againMs)) deps.recover(evidence)
}

/**
 * T3, page by page: payments that stay on the list (their workflow runs and cannot
 * go on) must not hide those behind them.
 */
export async function patrol(deps: TendDeps, stopping?: AbortSignal): Promise<void> {
  const before = timestamp(deps.clock.now() - TENDING_LIMITS.patrol_idle_ms)
  let last: { id: string; at: string } | undefined
  do {
    const { sql } = deps
    const after = last === undefined ? sql`` : sql`and (p.updated_at, p.id) > (${last.at}::timestamptz, ${last.id})`
    // Each kind by an index of its own.
    const lost = (which: ReturnType<typeof sql>) => sql`(
      select p.id, p.updated_at, p.kind, p.merchant, p.payer, a.rail from payments p
      left join attempts a on a.payment = p.id
      where ${which} and p.updated_at <= ${before} and (a.next_look_at is null or a.next_look_at <= ${before}) ${after}
      order by p.updated_at, p.id limit ${TENDING_LIMITS.rows})`
    const held = sql`p.status in ('requires_action', 'requires_capture') and p.accepted_at is not null`
    const rows: ({ id: string; at: string } & About)[] = await sql`
      select p.id, p.updated_at::text as at, p.kind, p.merchant, p.payer as user, p.rail from (
        ${lost(sql`p.status = 'processing'`)}
        union ${lost(sql`${held} and p.expires_at <= ${before}`)}
        union ${lost(sql`${held} and (p.capture_requested is not null or p.cancel_requested_at is not null)`)}
      ) p order by p.updated_at, p.id limit ${TENDING_LIMITS.rows}`
    for (const row of rows) deps.restart(row.id, row)
    last = rows.length < TENDING_LIMITS.rows ? undefined : rows.at(-1)
    if (last !== undefined)
      await delay(TENDING_LIMITS.patrol_page_gap_ms, undefined, { signal: stopping }).catch(() => {})
  } while (last !== undefined && stopping?.aborted !== true)
  const mandates = await deps.sql<{ id: string; rail: string; user: string }[]>`
    select id, rail, user_id as user from sources where status = 'requires_action' and next_look_at <= ${before}
    order by next_look_at limit ${TENDING_LIMITS.rows}`
  for (const { id, rail, user } of mandates) deps.restart(id, aboutMandate(rail, user))
}
