import { attemptReference } from '../../../src/domain/ids.ts'
import { timestamp } from '../../../src/domain/clock.ts'
import type { AccountBook, Unit } from '../../../src/ledger/index.ts'
import { type PaymentIds, paymentEvents, toldToMerchant } from '../../../src/payments/events.ts'
import { confirm, holdTransfers, release } from '../../../src/payments/moves.ts'
import { newAttemptColumns, newPaymentColumns } from '../../../src/payments/row-columns.ts'
import { type AttemptRow, type PaymentRow, type PaymentState, UNTOUCHED } from '../../../src/payments/rows.ts'

/** Payments as the product moves them, by units that several processes try at the same moment. */

export const RAIL = 'fuzz-bank'
const MINUTE_MS = 60_000

export type Kind = 'withdrawal' | 'topup' | 'transfer' | 'order'

/** Whose orders are. */
export const MERCHANT = 'mer_fuzz'

export function paymentRow(of: {
  id: string
  ledger: number
  kind: Kind
  user: string
  to: string
  amount: bigint
}): PaymentRow {
  const now = new Date()
  const isOrder = of.kind === 'order'
  return {
    id: of.id,
    ledger: of.ledger,
    kind: of.kind === 'order' ? 'purchase' : of.kind,
    status: isOrder ? 'requires_confirmation' : 'processing',
    status_reason: null,
    version: 1,
    amount: of.amount,
    currency: 'KES',
    fee: 0n,
    fee_plan: null,
    payer_fee: 0n,
    captured_amount: 0n,
    refund_reserved: 0n,
    refunded_amount: 0n,
    ...UNTOUCHED,
    payer: isOrder ? null : of.user,
    payee: of.kind === 'transfer' ? of.to : isOrder ? MERCHANT : 'self',
    payee_name: 'Fuzz',
    merchant: isOrder ? MERCHANT : null,
    store: null,
    source_type: isOrder ? null : of.kind === 'transfer' ? 'wallet' : 'bank',
    source_id: null,
    source_label: null,
    capture_method: 'automatic',
    order_ref: isOrder ? of.to : null,
    description: null,
    failure_code: null,
    failure_message: null,
    metadata: {},
    qr_token: null,
    created_at: now,
    updated_at: now,
    expires_at: null,
    accepted_at: isOrder ? null : now,
    start_by: isOrder ? null : new Date(now.getTime() + MINUTE_MS),
    started_at: null,
  }
}

export function attemptRow(payment: PaymentRow, operation: 'payOut' | 'collect', uetr: string): AttemptRow {
  return {
    payment: payment.id,
    no: 1,
    ledger: payment.ledger,
    rail: RAIL,
    operation,
    reference: attemptReference(payment.id, operation, 1),
    uetr,
    amount: payment.amount,
    currency: payment.currency,
    account: 'DE23999999990000000000',
    account_holder: 'Customer',
    mandate_id: null,
    mandate_signed_on: null,
    description: 'fuzz',
    merchant: null,
    merchant_name: null,
    original: null,
    step: 'submit',
    state: 'prepared',
    asks: null,
    input: null,
    memo: null,
    evidence: null,
    dispatch_token: null,
    dispatched_at: null,
    sends: 0,
    inquiries: 0,
    next_look_at: null,
    failure_code: null,
    failure_message: null,
    rail_reference: null,
    updated_at: payment.created_at,
  }
}

/** A move somebody may try: the unit, and what the payment is once it was applied. */
export type Move = { unit: Unit; after: PaymentState }

/** `to`: the payee of a transfer, the reference of an order. */
export async function birth(
  of: { ledger: number; kind: Kind; user: string; to: string; amount: bigint },
  deps: { ids: PaymentIds; accounts: AccountBook },
): Promise<Move> {
  const { ids, accounts } = deps
  const payment = paymentRow({ ...of, id: ids.make('pay') })
  const isAtRail = of.kind === 'withdrawal' || of.kind === 'topup'
  const attempt = isAtRail ? attemptRow(payment, of.kind === 'topup' ? 'collect' : 'payOut', ids.uuid()) : null
  const rail = attempt?.rail ?? null
  const transfers = of.kind === 'order' ? [] : await holdTransfers(payment, rail, ids, accounts)
  const unit: Unit = {
    id: ids.uuid(),
    transfers,
    ok: {
      new_payment: newPaymentColumns(payment),
      ...(attempt === null ? {} : { new_attempt: newAttemptColumns(attempt) }),
      events:
        of.kind === 'order' ? toldToMerchant(payment, ids) : paymentEvents(payment, rail, ids, { balances: true }),
    },
  }
  return { unit, after: { payment, attempt, holds: transfers.map(({ id }) => ({ id, ledger: of.ledger })) } }
}

/** One of the ways a payment may go from where it stands; null where it has ended. `roll` decides among them. */
export function nextMove(state: PaymentState, ids: PaymentIds, roll: number): Move | null {
  const { payment, attempt } = state
  const nowMs = Date.now()
  if (payment.status === 'requires_confirmation') {
    const version = payment.version + 1
    const guard = { payment: { id: payment.id, version: payment.version } }
    const after = { ...payment, status: 'canceled' as const, version }
    const ok = { payment: { status: 'canceled', version }, events: toldToMerchant(after, ids) }
    return { unit: { id: ids.uuid(), guard, ok }, after: { ...state, payment: after } }
  }
  if (payment.status !== 'processing') return null
  const succeeded = (): Move => ({ unit: confirm(state, ids, nowMs), after: ended(state, 'succeeded') })
  const failed = (): Move => {
    const failure = { code: 'declined_by_rail' as const, message: 'no' }
    const { unit } = release(state, { status: 'failed', failure }, ['declined'], ids, nowMs)
    return { unit, after: ended(state, 'failed') }
  }
  if (attempt === null) return roll < 0.7 ? succeeded() : failed()
  switch (attempt.state) {
    case 'prepared':
      return journalled(state, attempt, ids, nowMs)
    case 'settled':
      return succeeded()
    case 'declined':
      return failed()
    default:
      return told(state, attempt, ids, roll)
  }
}

function ended(state: PaymentState, status: 'succeeded' | 'failed'): PaymentState {
  return { ...state, holds: [], payment: { ...state.payment, status, version: state.payment.version + 1 } }
}

function journalled(state: PaymentState, attempt: AttemptRow, ids: PaymentIds, nowMs: number): Move {
  const token = ids.uuid()
  const patch = { state: 'dispatched', dispatch_token: token, dispatched_at: timestamp(nowMs), sends: 1 }
  const guard = { attempt: { payment: attempt.payment, no: attempt.no, states: ['prepared'] } }
  return {
    unit: { id: ids.uuid(), guard, ok: { attempt: patch } },
    after: { ...state, attempt: { ...attempt, state: 'dispatched', dispatch_token: token } },
  }
}

/** The rail's answer, by whoever hears it. */
function told(state: PaymentState, attempt: AttemptRow, ids: PaymentIds, roll: number): Move {
  const to = roll < 0.6 ? 'settled' : roll < 0.8 || attempt.state === 'unknown' ? 'declined' : 'unknown'
  const guard = {
    payment: { id: attempt.payment, version: state.payment.version },
    attempt: { payment: attempt.payment, no: attempt.no, states: [attempt.state] },
  }
  return {
    unit: { id: ids.uuid(), guard, ok: { attempt: { state: to } } },
    after: { ...state, attempt: { ...attempt, state: to } },
  }
}
