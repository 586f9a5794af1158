import { UNSENT, isUnsent } from '../domain/attempt.ts'
import { assertLedgerMove } from '../domain/accounting/index.ts'
import { timestamp } from '../domain/clock.ts'
import { isTerminal } from '../domain/payment.ts'
import type { Unit } from '../ledger/index.ts'
import { captureInPart } from './capture.ts'
import { type PaymentIds, paymentEvents } from './events.ts'
import { attemptGuard, confirm, moved, release, standing, succeeded } from './moves.ts'
import { paymentColumns } from './row-columns.ts'
import type { AttemptRow, PaymentRow, PaymentState } from './rows.ts'

/**
 * What people ask of a payment that waits: to capture it, to cancel it, to go on with a code. Each is one unit that
 * raises the version, so of two that were decided on the same state, or of one and what its workflow does, one happens:
 *
 *  H1 What is wholly in our books is done by the unit itself. What a rail holds is asked for by it, and the workflow
 *     does it: the reply says how the payment stands.
 *  H2 Nothing is cancelled that may have moved money, and what was asked for once is not asked for again.
 */
export type Asked = { unit: Unit; after: PaymentRow }

/** Reserved at its rail, with nothing under way there. */
export function isReserved(attempt: AttemptRow): boolean {
  return attempt.state === 'settled' && (attempt.step === 'prepare' || attempt.step === 'validate')
}

/** Whether its merchant may still capture it; by this clock, and by the database's when the unit is applied. */
export function isCapturable({ payment, attempt }: PaymentState, nowMs: number): boolean {
  return (
    payment.status === 'requires_capture' &&
    payment.capture_requested === null &&
    payment.cancel_requested_at === null &&
    (payment.expires_at === null || payment.expires_at.getTime() > nowMs) &&
    (attempt === null || isReserved(attempt))
  )
}

/**
 * Captures what is held, or this much of it and releases the rest. Null where nothing would be left of it after the fee.
 * @throws for a part of what a rail holds, or more than is held: the caller refuses both
 */
export async function capture(
  deps: Parameters<typeof captureInPart>[0],
  state: PaymentState,
  amountMinor: bigint,
  ids: PaymentIds,
  nowMs: number,
): Promise<Asked | null> {
  const { payment, attempt } = state
  if (amountMinor > payment.amount || (attempt !== null && amountMinor !== payment.amount)) {
    throw new Error('a capture of what is not held like this')
  }
  if (attempt !== null) return ask(state, attempt, { capture_requested: amountMinor }, ids, nowMs)
  const asked = { ...state, payment: { ...payment, capture_requested: amountMinor } }
  const part = await captureInPart(deps, asked)
  if (amountMinor - (part?.feeMinor ?? payment.fee) < 1n) return null
  return { unit: inTime(confirm(asked, ids, nowMs, part), payment), after: succeeded(asked.payment, part, nowMs) }
}

/** Whose wish it is: a payer may withdraw until money is held for the merchant, a merchant and operators until it has moved. */
export type Canceller = 'payer' | 'merchant' | 'operator'

/** Null where it is too late, or was asked for already. */
export function cancel(state: PaymentState, by: Canceller, ids: PaymentIds, nowMs: number): Asked | null {
  const { payment, attempt } = state
  if (isTerminal(payment.status) || payment.cancel_requested_at !== null || payment.capture_requested !== null) {
    return null
  }
  if (payment.accepted_at === null) return endUnaccepted(payment, 'canceled', ids, nowMs)
  if (by === 'payer' && payment.status === 'requires_capture') return null
  if (attempt === null || isUntouched(attempt)) return release(state, { status: 'canceled' }, UNSENT, ids, nowMs)
  if (!isReserved(attempt) || (by === 'payer' && payment.status === 'processing')) return null
  return ask(state, attempt, { cancel_requested_at: new Date(nowMs), next_action: null }, ids, nowMs)
}

/** Nothing of it has left for its rail. A later step that has not left is no such thing: there is a reservation. */
function isUntouched(attempt: AttemptRow): boolean {
  return isUnsent(attempt.state) && (attempt.step === 'submit' || attempt.step === 'prepare')
}

/** Whether the payer is asked for a code and may still type one. */
export function isAskedForCode({ payment, attempt }: PaymentState): boolean {
  return (
    payment.status === 'requires_action' &&
    payment.cancel_requested_at === null &&
    attempt !== null &&
    attempt.state === 'settled' &&
    attempt.asks === 'code'
  )
}

/** The payer's code is on its way; `startByMs`: not sent by then, it is not sent any more. */
export function takeCode(state: PaymentState, code: string, startByMs: number, ids: PaymentIds, nowMs: number): Asked {
  const { payment, attempt } = state
  if (attempt === null || !isAskedForCode(state)) throw new Error('nobody is asked for a code')
  const after = moved(payment, { status: 'processing', next_action: null, start_by: new Date(startByMs) }, nowMs)
  assertLedgerMove(standing(payment), standing(after), 'none')
  const unit: Unit = {
    id: ids.uuid(),
    guard: {
      payment: { id: payment.id, version: payment.version },
      attempt: attemptGuard(attempt, ['settled']),
    },
    ok: {
      payment: paymentColumns(after),
      attempt: {
        step: 'validate',
        state: 'prepared',
        asks: null,
        input: code,
        sends: 0,
        inquiries: 0,
        next_look_at: null,
        updated_at: timestamp(nowMs),
      },
      events: paymentEvents(after, attempt.rail, ids, { balances: false }),
    },
  }
  return { unit: inTime(unit, payment), after }
}

/** Ends a payment that nobody has accepted: nothing is held, so the ledger stays as it is. */
export function endUnaccepted(
  payment: PaymentRow,
  status: 'canceled' | 'expired',
  ids: PaymentIds,
  nowMs: number,
): Asked {
  const after = moved(payment, { status, next_action: null }, nowMs)
  assertLedgerMove(standing(payment), standing(after), 'none')
  const unit: Unit = {
    id: ids.uuid(),
    guard: { payment: { id: payment.id, version: payment.version } },
    ok: { payment: paymentColumns(after), events: paymentEvents(after, null, ids, { balances: false }) },
  }
  return { unit, after }
}

/** Writes down what its workflow is to do with a reservation. */
function ask(
  state: PaymentState,
  attempt: AttemptRow,
  what: Pick<PaymentRow, 'capture_requested'> | Pick<PaymentRow, 'cancel_requested_at' | 'next_action'>,
  ids: PaymentIds,
  nowMs: number,
): Asked {
  const { payment } = state
  const after = moved(payment, what, nowMs)
  const unit: Unit = {
    id: ids.uuid(),
    guard: {
      payment: { id: payment.id, version: payment.version },
      attempt: attemptGuard(attempt, ['settled']),
    },
    ok: { payment: paymentColumns(after), events: paymentEvents(after, attempt.rail, ids, { balances: false }) },
  }
  return { unit: 'capture_requested' in what ? inTime(unit, payment) : unit, after }
}

/** The same, refused where the time of the payment is over by the database's clock: expiry is decided there. */
function inTime(unit: Unit, payment: PaymentRow): Unit {
  return { ...unit, guard: { ...unit.guard, payment: { id: payment.id, version: payment.version, unexpired: true } } }
}
