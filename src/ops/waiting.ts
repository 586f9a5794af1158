import type { AttemptState, RailOperation, RailStep } from '../domain/attempt.ts'
import type { Query } from '../ledger/index.ts'
import { whatBecameOfIt, whatItSays, type Heard } from './heard.ts'
import { OPS_LIMITS } from './limits.ts'

/**
 * A payment or refund whose outcome at its rail is not known, or that says itself that it needs an operator; or a
 * recovery that does.
 */
export type Waiting = {
  /** What it is found and decided by: of a recovery `<payment or refund>/rec/<evidence>`. */
  id: string
  kind: string
  status: string
  status_reason: string | null
  amount: bigint
  currency: string
  exponent: number
  rail: string | null
  operation: RailOperation | null
  step: RailStep | null
  reference: string | null
  state: AttemptState | null
  inquiries: number | null
  next_look_at: Date | null
  since: Date
  /** Of a recovery: what the rail said after the end. */
  said: Pick<Heard, 'kind' | 'disputed' | 'state' | 'result'> | null
}

/** What waits longer than 10 s, the longest first; one more than are shown tells that there are more. */
export async function waitingPayments(sql: Query, limit: number = OPS_LIMITS.waiting_shown): Promise<Waiting[]> {
  return sql<Waiting[]>`
    select w.id, w.kind, w.status, w.status_reason, w.amount, w.currency, l.exponent::int as exponent, a.rail, a.operation,
      a.step, a.reference, a.state, a.inquiries::int as inquiries, a.next_look_at,
      coalesce(a.dispatched_at, w.begun) as since, null::jsonb as said
    from (
      select id, ledger, kind, status, status_reason, amount, currency, coalesce(accepted_at, updated_at) as begun
      from payments where status in ('processing', 'requires_capture')
      union all
      select id, ledger, 'refund', status, status_reason, amount, currency, created_at
      from refunds where status in ('processing', 'pending_funds')
    ) w
    join ledgers l on l.id = w.ledger
    left join lateral (select * from attempts where payment = w.id order by no desc limit 1) a on true
    where w.status_reason = 'needs_operator'
      or (w.status = 'processing' and a.state in ('dispatched', 'pending', 'unknown')
        and a.dispatched_at < clock_timestamp() - make_interval(secs => ${OPS_LIMITS.waiting_after_ms / 1_000}))
    union all
    select e.payment || '/rec/' || e.id, 'recovery', p.status, 'needs_operator', coalesce(e.moved, e.amount), l.currency,
      l.exponent::int, e.rail, a.operation, a.step, e.reference, a.state, e.asks::int, null, e.heard_at,
      jsonb_build_object('kind', e.kind, 'disputed', e.disputed, 'state', e.state, 'result', e.result)
    from evidence e
    join ledgers l on l.id = e.ledger
    join attempts a on a.payment = e.payment and a.no = e.no
    join (select id, status from payments union all select id, status from refunds) p on p.id = e.payment
    where e.state = 'needs_operator'
    order by since, id limit ${limit + 1}`
}

/** In words, why it waits. */
export function whyItWaits({ status_reason, state, rail, inquiries, next_look_at, said }: Waiting): string {
  if (said !== null) return `${String(rail)} said after the end: ${whatItSays(said)}; ${whatBecameOfIt(said)}`
  if (status_reason === 'needs_operator') return 'it needs an operator'
  const asked =
    inquiries === null || inquiries === 0
      ? 'not asked yet'
      : inquiries === 1
        ? 'asked once'
        : `asked ${String(inquiries)} times`
  const next = next_look_at === null ? '' : `, next at ${next_look_at.toISOString().slice(11, 19)} UTC`
  switch (state) {
    case 'dispatched':
      return `${String(rail)} was called and has not answered; ${asked}${next}`
    case 'unknown':
      return `the outcome at ${String(rail)} is not known; ${asked}${next}`
    default:
      return `${String(rail)} says that it is not decided; ${asked}${next}`
  }
}
