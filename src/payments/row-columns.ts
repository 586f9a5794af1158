import { timestamp } from '../domain/clock.ts'
import type { Columns } from '../ledger/index.ts'
import type { AttemptRow, PaymentRow } from './rows.ts'

/** Rows as a unit writes them: amounts and times as text. */

/** Columns of `payments` to write for a row that moved. */
export function paymentColumns(row: PaymentRow): Columns<'payment'> {
  return {
    status: row.status,
    status_reason: row.status_reason,
    version: row.version,
    fee: row.fee.toString(),
    captured_amount: row.captured_amount.toString(),
    capture_requested: row.capture_requested?.toString() ?? null,
    cancel_requested_at: time(row.cancel_requested_at),
    next_action: row.next_action,
    recovery: row.recovery,
    dispute: row.dispute,
    payer: row.payer,
    payer_fee: row.payer_fee.toString(),
    source_type: row.source_type,
    source_id: row.source_id,
    source_label: row.source_label,
    failure_code: row.failure_code,
    failure_message: row.failure_message,
    updated_at: timestamp(row.updated_at.getTime()),
    expires_at: time(row.expires_at),
    accepted_at: time(row.accepted_at),
    start_by: time(row.start_by),
    started_at: time(row.started_at),
  }
}

const time = (at: Date | null): string | null => (at === null ? null : timestamp(at.getTime()))

/** Every column of a payment that is born in a unit. */
export function newPaymentColumns(row: PaymentRow): Columns<'new_payment'> {
  return {
    ...paymentColumns(row),
    id: row.id,
    ledger: row.ledger,
    kind: row.kind,
    amount: row.amount.toString(),
    currency: row.currency,
    fee_plan: row.fee_plan,
    refund_reserved: row.refund_reserved.toString(),
    refunded_amount: row.refunded_amount.toString(),
    payee: row.payee,
    payee_name: row.payee_name,
    merchant: row.merchant,
    store: row.store,
    capture_method: row.capture_method,
    order_ref: row.order_ref,
    description: row.description,
    metadata: row.metadata,
    qr_token: row.qr_token,
    created_at: timestamp(row.created_at.getTime()),
  }
}

/** Every column of a fresh attempt. */
export function newAttemptColumns(row: AttemptRow): Columns<'new_attempt'> {
  return {
    payment: row.payment,
    no: row.no,
    ledger: row.ledger,
    rail: row.rail,
    operation: row.operation,
    reference: row.reference,
    uetr: row.uetr,
    amount: row.amount.toString(),
    currency: row.currency,
    account: row.account,
    account_holder: row.account_holder,
    mandate_id: row.mandate_id,
    mandate_signed_on: row.mandate_signed_on,
    description: row.description,
    merchant: row.merchant,
    merchant_name: row.merchant_name,
    original: row.original,
    step: row.step,
    state: row.state,
    sends: row.sends,
    inquiries: row.inquiries,
    updated_at: timestamp(row.updated_at.getTime()),
  }
}
