import { type AttemptState, UNRESOLVED } from '../domain/attempt.ts'
import type { Branch, Sql } from '../ledger/index.ts'
import type { OutcomeDeps } from './outcome.ts'
import { paymentEvents } from './events.ts'
import { moved } from './moves.ts'
import { paymentColumns } from './row-columns.ts'
import type { PaymentState } from './rows.ts'
import type { PaymentStore } from './store.ts'

/** What waits at rails, as operators want to know it; and how many were called to their attention now. */
export type Review = { waiting: { rail: string; state: string; count: number; oldestS: number }[]; escalated: number }

export type ReviewDeps = Pick<OutcomeDeps, 'ledger' | 'ids' | 'clock' | 'log'> & {
  sql: Sql
  store: PaymentStore
  wake: (payment: string) => void
  /** A call without an outcome this long needs an operator, ms. */
  needsOperatorAfterMs: number
}

const ESCALATED_AT_ONCE = 500

/** No outcome, or a call that cannot be made: one that is tried again for ever, since something of it is at the rail. */
const STUCK: readonly AttemptState[] = [...UNRESOLVED, 'not_found', 'not_sent']

/**
 * Calls operators to what has waited too long at a rail: the payment says `needs_operator`, and so does its
 * workflow. Nothing is decided by it, and the rail is asked on as before.
 */
export async function review(deps: ReviewDeps): Promise<Review> {
  const afterS = deps.needsOperatorAfterMs / 1_000
  const late = await deps.sql<{ payment: string }[]>`
    select a.payment, a.dispatched_at as since from attempts a join payments p on p.id = a.payment
    where a.state in ('dispatched', 'pending', 'unknown')
      and a.dispatched_at <= clock_timestamp() - make_interval(secs => ${afterS})
      and p.status in ('processing', 'requires_capture') and p.status_reason is distinct from 'needs_operator'
    union
    -- A call that cannot be made is journalled anew each time: of it the payment tells how long.
    select p.id, p.updated_at from payments p join attempts a on a.payment = p.id
    where a.state in ('not_found', 'not_sent')
      and p.updated_at <= clock_timestamp() - make_interval(secs => ${afterS})
      and (p.status = 'processing'
        or (p.status = 'requires_capture' and (p.capture_requested is not null or p.cancel_requested_at is not null)))
      and p.status_reason is distinct from 'needs_operator'
    order by since limit ${ESCALATED_AT_ONCE}`
  let escalated = 0
  for (const { payment: id } of late) {
    const state = await deps.store.state(id)
    if (state?.attempt == null || !STUCK.includes(state.attempt.state)) continue
    const result = await deps.ledger.apply({
      id: deps.ids.uuid(),
      guard: {
        payment: { id, version: state.payment.version },
        attempt: { payment: id, no: state.attempt.no, states: [...STUCK] },
      },
      ok: needsOperator(state, deps),
    })
    if (result.code !== 'ok') continue
    escalated += 1
    deps.wake(id)
  }
  const waiting = await deps.sql<Review['waiting']>`
    select rail, state, count(*)::integer as count,
      extract(epoch from clock_timestamp() - min(dispatched_at))::integer as "oldestS"
    from attempts where state in ('dispatched', 'pending', 'unknown') group by rail, state order by rail, state`
  if (escalated > 0) deps.log.error({ escalated }, 'payments wait for an operator')
  return { waiting: [...waiting], escalated }
}

function needsOperator(state: PaymentState, deps: Pick<ReviewDeps, 'ids' | 'clock'>): Branch {
  const after = moved(state.payment, { status_reason: 'needs_operator' }, deps.clock.now())
  return {
    payment: paymentColumns(after),
    events: paymentEvents(after, state.attempt?.rail ?? null, deps.ids, { balances: false }),
  }
}
