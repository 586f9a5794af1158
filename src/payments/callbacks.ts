import type { RailCallback, RailCallbackReply } from '../bus/index.ts'
import type { Sql } from '../ledger/index.ts'
import type { Log } from '../observe/log.ts'
import type { BankRail } from '../rails/port.ts'
import { orderOf } from './order.ts'
import type { Heard } from './outcome.ts'
import type { PaymentStore } from './store.ts'

type CallbackDeps = {
  sql: Sql
  store: PaymentStore
  log: Log
  record: (heard: Heard) => Promise<unknown>
  wake: (payment: string) => void
}

/**
 * A rail speaks to us: verify over the raw bytes, store under the rail's event id,
 * write the outcome by compare-and-set, answer 204, wake the workflow. A repeated
 * event runs through the same and changes nothing; an error answers 503, so that
 * the rail sends it again.
 */
export async function takeCallback(
  deps: CallbackDeps,
  rail: BankRail,
  callback: RailCallback,
): Promise<RailCallbackReply> {
  const body = Buffer.from(callback.body, 'base64')
  const verdict = await rail.readCallback(
    { method: callback.method, targetUri: callback.targetUri, headers: callback.headers, body },
    async (reference) => {
      const attempt = await deps.store.attemptByReference(rail.id, reference)
      return attempt?.dispatched_at == null ? null : orderOf(attempt)
    },
  )
  if (!verdict.ok) {
    deps.log.warn({ rail: rail.id, why: verdict.why }, 'a callback was refused')
    return { status: verdict.status }
  }
  const { eventId, reference, outcome } = verdict.statement
  await deps.sql`
    insert into rail_callbacks (rail, event_id, reference, body)
    values (${rail.id}, ${eventId}, ${reference}, ${body})
    on conflict (rail, event_id) do update set times = rail_callbacks.times + 1`
  const attempt = await deps.store.attemptByReference(rail.id, reference)
  if (attempt === null) return { status: 404 }
  await deps.record({ payment: attempt.payment, no: attempt.no, outcome })
  deps.wake(attempt.payment)
  return { status: 204 }
}
