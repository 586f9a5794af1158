import { randomUUID } from 'node:crypto'
import { attemptReference } from '../../../src/domain/ids.ts'
import { type AttemptRow, type PaymentRow, UNTOUCHED } from '../../../src/payments/rows.ts'

const MINUTE_MS = 60_000

/** A payment as a command accepts it: 1.00 from a bank, in the midst of being made. */
export function paymentRow(of: Pick<PaymentRow, 'id' | 'ledger' | 'kind'> & Partial<PaymentRow>): PaymentRow {
  const now = new Date()
  return {
    status: 'processing',
    status_reason: null,
    version: 1,
    amount: 100n,
    currency: 'KES',
    fee: 0n,
    fee_plan: null,
    payer_fee: 0n,
    captured_amount: 0n,
    refund_reserved: 0n,
    refunded_amount: 0n,
    ...UNTOUCHED,
    payer: null,
    payee: 'self',
    payee_name: 'Test Bank',
    merchant: null,
    store: null,
    source_type: 'bank',
    source_id: null,
    source_label: null,
    capture_method: 'automatic',
    order_ref: null,
    description: null,
    failure_code: null,
    failure_message: null,
    metadata: {},
    qr_token: null,
    created_at: now,
    updated_at: now,
    expires_at: null,
    accepted_at: now,
    start_by: new Date(now.getTime() + MINUTE_MS),
    started_at: null,
    ...of,
  }
}

/** The first attempt of a payment, prepared. */
export function attemptRow(
  payment: PaymentRow,
  of: Pick<AttemptRow, 'rail' | 'operation'> & Partial<AttemptRow>,
): AttemptRow {
  return {
    payment: payment.id,
    no: 1,
    ledger: payment.ledger,
    reference: attemptReference(payment.id, of.operation, of.no ?? 1),
    uetr: randomUUID(),
    amount: payment.amount,
    currency: payment.currency,
    account: 'DE23999999990000000000',
    account_holder: 'Customer',
    mandate_id: null,
    mandate_signed_on: null,
    description: 'test',
    merchant: payment.merchant,
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
    ...of,
  }
}
