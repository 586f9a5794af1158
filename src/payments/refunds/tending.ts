import { FAST_WINDOW_MS } from '../../domain/attempt.ts'
import { walletAccount } from '../../domain/accounting/index.ts'
import { timestamp } from '../../domain/clock.ts'
import { accountId, type Rounds, startRounds } from '../../ledger/index.ts'
import { aboutRefund } from '../about.ts'
import type { PaymentDeps } from '../deps.ts'
import { accountsOf, fundingOf, type FundingDeps, leftToRefund } from './funding.ts'
import { REFUND_LIMITS } from './limits.ts'
import type { RefundEnding } from './next.ts'
import { fail, fund, resumed, say } from './moves.ts'
import type { RefundState } from './rows.ts'
import type { Turns } from './turns.ts'

/**
 * What looks after refunds nobody is moving:
 *
 *  F1 Funds: a refund that waits for its merchant's money begins within seconds of the money being there, and fails
 *     after a week without. While an account it is about is frozen or closed it is not tried.
 *  F2 Sweeper: a refund whose workflow did not start is started; that is seen from its attempt, of which nothing was sent.
 *  F3 Patrol: one nobody touched for a while gets its workflow again.
 *  F4 Candour: one whose call was not heard of within the fast window says `awaiting_rail`, and after an hour that it
 *     needs an operator; the rail is asked on all the same.
 *
 * Any hub may run them at once: every change is a compare-and-set and a start is idempotent by its workflow id.
 */

export type RefundTendDeps = Pick<PaymentDeps, 'store' | 'clock' | 'log' | 'startLate' | 'restart'> &
  FundingDeps & { turns: Turns; wake: (refund: string) => void }

export function tendRefunds(deps: RefundTendDeps): Rounds {
  const every = (everyMs: number, name: string, round: (stopping: AbortSignal) => Promise<void>) =>
    startRounds({
      everyMs,
      round,
      failed: (error) => deps.log.warn({ err: error, round: name }, 'a round of refunds failed; the next tries again'),
    })
  const rounds = [
    every(REFUND_LIMITS.funds_every_ms, 'funds', (stopping) => fundWaiting(deps, stopping)),
    every(REFUND_LIMITS.sweep_every_ms, 'sweep', () => sweepRefunds(deps)),
    every(REFUND_LIMITS.sweep_every_ms, 'candour', () => sayRefundsWait(deps)),
    every(REFUND_LIMITS.patrol_every_ms, 'patrol', (stopping) => patrolRefunds(deps, stopping)),
  ]
  return { stop: async () => void (await Promise.all(rounds.map((round) => round.stop()))) }
}

/** F1. Those that cannot be paid yet stay; they must not hide those behind them, so all are gone through. */
export async function fundWaiting(deps: RefundTendDeps, stopping?: AbortSignal): Promise<void> {
  await pages(stopping, {
    page: (after) => deps.sql<Waiting[]>`
      select r.id, r.ledger, r.payment, r.merchant, case when p.source_type = 'wallet' then p.payer end as wallet_of,
        r.amount - r.fee as needed, r.created_at as at
      from refunds r join payments p on p.id = r.payment
      where r.status = 'pending_funds' and r.id > ${after} order by r.id limit ${REFUND_LIMITS.rows}`,
    take: async (rows) => {
      const late = deps.clock.now() - REFUND_LIMITS.funds_within_ms
      const funds = await fundsOf(deps, rows)
      for (const row of rows) {
        const isLate = row.at.getTime() <= late
        const has = funds.ofMerchant(row) >= row.needed
        const mayBegin = has && accountsFor(row).every((id) => !funds.shut.has(id))
        if (!isLate && !mayBegin) continue
        // One that cannot be moved must not keep the round from those behind it.
        await deps.turns
          .take(row.payment, async () => {
            const begun = mayBegin && (await begin(deps, row.id)) !== 'refused'
            // Whatever it is refused for: none waits for ever.
            if (!begun && isLate) await giveUp(deps, row.id, has ? SHUT : WITHOUT_FUNDS)
          })
          .catch((error: unknown) => deps.log.error({ err: error, refund: row.id }, 'a refund could not be moved'))
      }
    },
  })
}

type Waiting = {
  id: string
  ledger: number
  payment: string
  merchant: string
  /** Whose wallet it goes back to; null where it goes to a rail. */
  wallet_of: string | null
  needed: bigint
  at: Date
}

/** All that it moves money between, of those that can be frozen or closed; the ledger takes no spend with one that is. */
function accountsFor(row: Waiting): string[] {
  const { ledger, wallet_of: user } = row
  return [...accountsOf(row), ...(user === null ? [] : [accountId(ledger, walletAccount(user).name)])]
}

/** What their merchants have for refunds, wherever it lies, credit included; and which of the accounts are `shut`. */
async function fundsOf({ sql }: RefundTendDeps, rows: readonly Waiting[]) {
  const ids = [...new Set(rows.flatMap(accountsFor))]
  const found = await sql<{ main: string; left: bigint; shut: boolean }[]>`
    select main, credits_posted + allowance - debits_posted - debits_pending as left, frozen or closed as shut
    from accounts where id in ${sql(ids)}
    union all
    select main, credits_posted - debits_posted - debits_pending, false
    from accounts where main in ${sql(ids)} and shard > 0`
  const funds = new Map<string, bigint>()
  for (const { main, left } of found) funds.set(main, (funds.get(main) ?? 0n) + left)
  return {
    shut: new Set(found.flatMap(({ main, shut }) => (shut ? [main] : []))),
    ofMerchant: (row: Waiting) => accountsOf(row).reduce((total, id) => total + (funds.get(id) ?? 0n), 0n),
  }
}

async function waitingState(deps: RefundTendDeps, id: string): Promise<RefundState | null> {
  const state = await deps.store.refunds.state(id)
  return state?.refund.status === 'pending_funds' ? state : null
}

/** What was overtaken by another refund of the payment is begun by the next round. */
async function begin(deps: RefundTendDeps, id: string): Promise<'refused' | 'taken_on'> {
  const state = await waitingState(deps, id)
  if (state === null) return 'taken_on'
  const { payment, refund } = state
  const base = await deps.store.refunds.base(payment.id)
  if (base === null) throw new Error(`refund ${id} is of a payment that is not there`)
  const now = deps.clock.now()
  if (leftToRefund(payment) < 0n) {
    await deps.ledger.apply(fail(state, TAKEN_BACK, deps.ids, now))
    return 'taken_on'
  }
  const funding = await fundingOf(deps, { payment, collect: base.collect }, refund)
  const { unit, after } = await fund({ payment, refund: resumed(state, now), before: refund }, funding, deps, now)
  const result = await deps.ledger.apply({ ...unit, id: deps.ids.uuid() })
  if (result.code !== 'ok') return result.code === 'refused' ? 'refused' : 'taken_on'
  // A run that found it waiting has ended: this is another one.
  if (after.refund.status === 'processing') deps.restart(id, aboutRefund(payment, base.collect?.rail ?? null))
  return 'taken_on'
}

/** Since it was asked for: paid now, the customer would have it twice. */
const TAKEN_BACK: RefundEnding = {
  status: 'failed',
  failure: {
    code: 'not_executed',
    message: 'The bank or operator took the payment back meanwhile, so there is less to refund; ask for what is left.',
  },
}

const WITHOUT_FUNDS: RefundEnding = {
  status: 'failed',
  failure: {
    code: 'insufficient_funds',
    message: 'The merchant did not have the money for a week, so nothing was paid back.',
  },
}

/** The merchant has the money, and it cannot be taken or given: an account is frozen or closed. */
const SHUT: RefundEnding = {
  status: 'failed',
  failure: {
    code: 'not_executed',
    message: 'For a week no money could be moved between the accounts it is about, so nothing was paid back.',
  },
}

async function giveUp(deps: RefundTendDeps, id: string, end: RefundEnding): Promise<void> {
  const state = await waitingState(deps, id)
  if (state !== null) await deps.ledger.apply(fail(state, end, deps.ids, deps.clock.now()))
}

type Begun = { id: string; merchant: string; payer: string | null; rail: string }

/** F2. */
export async function sweepRefunds(deps: RefundTendDeps): Promise<void> {
  const graceS = REFUND_LIMITS.start_grace_ms / 1_000
  const rows = await deps.sql<Begun[]>`
    select r.id, r.merchant, p.payer, a.rail from refunds r join attempts a on a.payment = r.id join payments p on p.id = r.payment
    where r.status = 'processing' and a.state = 'prepared'
      and r.updated_at <= clock_timestamp() - make_interval(secs => ${graceS})
    order by r.updated_at limit ${REFUND_LIMITS.rows}`
  deps.startLate(rows.map(({ id, rail, ...of }) => ({ id, about: aboutRefund(of, rail) })))
}

/** F4. */
export async function sayRefundsWait(deps: RefundTendDeps): Promise<void> {
  const waits = { afterS: (FAST_WINDOW_MS + 500) / 1_000, lateS: REFUND_LIMITS.needs_operator_after_ms / 1_000 }
  const rows = await deps.sql<{ id: string; payment: string; late: boolean }[]>`
    select r.id, r.payment, k.late
    from refunds r
    join attempts a on a.payment = r.id
    cross join lateral (
      select a.dispatched_at <= clock_timestamp() - make_interval(secs => ${waits.lateS}) as late) k
    where r.status = 'processing' and a.state in ('dispatched', 'pending', 'unknown', 'not_found')
      and a.dispatched_at <= clock_timestamp() - make_interval(secs => ${waits.afterS})
      and (r.status_reason is null or (k.late and r.status_reason <> 'needs_operator'))
    order by r.id limit ${REFUND_LIMITS.rows}`
  for (const { id, payment, late } of rows) {
    await deps.turns.take(payment, async () => {
      const state = await deps.store.refunds.state(id)
      const unit =
        state === null ? null : say(state, late ? 'needs_operator' : 'awaiting_rail', deps.ids, deps.clock.now())
      if (unit === null) return
      const result = await deps.ledger.apply(unit)
      if (result.code !== 'ok' || !late) return
      deps.log.error({ refund: id }, 'a refund waits for an operator')
      deps.wake(id)
    })
  }
}

/** F3. */
export async function patrolRefunds(deps: RefundTendDeps, stopping?: AbortSignal): Promise<void> {
  const before = timestamp(deps.clock.now() - REFUND_LIMITS.patrol_idle_ms)
  await pages(stopping, {
    page: (after) => deps.sql<Begun[]>`
      select r.id, r.merchant, p.payer, a.rail from refunds r join attempts a on a.payment = r.id
      join payments p on p.id = r.payment
      where r.status = 'processing' and r.updated_at <= ${before} and r.id > ${after}
        and (a.next_look_at is null or a.next_look_at <= ${before})
      order by r.id limit ${REFUND_LIMITS.rows}`,
    take: async (rows) => {
      for (const { id, rail, ...of } of rows) deps.restart(id, aboutRefund(of, rail))
    },
  })
}

async function pages<Row extends { id: string }>(
  stopping: AbortSignal | undefined,
  { page, take }: { page: (after: string) => Promise<readonly Row[]>; take: (rows: readonly Row[]) => Promise<void> },
): Promise<void> {
  for (let after: string | undefined = ''; after !== undefined && stopping?.aborted !== true;) {
    const rows: readonly Row[] = await page(after)
    if (rows.length > 0) await take(rows)
    after = rows.length < REFUND_LIMITS.rows ? undefined : rows.at(-1)?.id
  }
}
