import { PAYMENT_EXPIRES_IN_S } from '../contract/index.ts'
import { feeMinor } from '../domain/fee.ts'
import { refuse, type Refusal } from '../domain/refusal.ts'
import type { Merchant } from '../identity/index.ts'
import type { PaymentDeps } from './deps.ts'
import { type PaymentRow, UNTOUCHED } from './rows.ts'

/** A merchant as a payment to it needs it: `feePlan` is the version in force. */
export type Seller = Pick<Merchant, 'merchant' | 'name' | 'feePlan'>

/** As a body may leave it out. */
type Given<T> = { [K in keyof T]?: T[K] | undefined }

type Asked = Pick<PaymentRow, 'amount' | 'store' | 'payer' | 'qr_token'> &
  Given<Pick<PaymentRow, 'capture_method' | 'order_ref' | 'description' | 'metadata'> & { expiresInS: number }>

/** A payment to a merchant as it is born, by the merchant's server or by who stands before its sticker: nobody has said yes yet. */
export function newPurchase(deps: Pick<PaymentDeps, 'rules' | 'clock' | 'ids'>, seller: Seller, asked: Asked) {
  const now = deps.clock.now()
  return {
    id: deps.ids.make('pay'),
    ledger: deps.rules.ledger,
    kind: 'purchase',
    status: 'requires_confirmation',
    status_reason: null,
    version: 1,
    amount: asked.amount,
    currency: deps.rules.currency,
    fee: feeMinor(asked.amount, seller.feePlan),
    fee_plan: seller.feePlan.id,
    payer_fee: 0n,
    captured_amount: 0n,
    refund_reserved: 0n,
    refunded_amount: 0n,
    ...UNTOUCHED,
    payer: asked.payer,
    payee: seller.merchant,
    payee_name: seller.name,
    merchant: seller.merchant,
    store: asked.store,
    source_type: null,
    source_id: null,
    source_label: null,
    capture_method: asked.capture_method ?? 'automatic',
    order_ref: asked.order_ref ?? null,
    description: asked.description ?? null,
    failure_code: null,
    failure_message: null,
    metadata: asked.metadata ?? {},
    qr_token: asked.qr_token,
    created_at: new Date(now),
    updated_at: new Date(now),
    expires_at: new Date(now + (asked.expiresInS ?? PAYMENT_EXPIRES_IN_S.default) * 1_000),
    accepted_at: null,
    start_by: null,
    started_at: null,
  } satisfies PaymentRow
}

/** Amount by rule: it counts as the body's shape. Null where it may stand. */
export function tooSmall(seller: Seller, amount: bigint): Refusal | null {
  if (amount > 0n && amount - feeMinor(amount, seller.feePlan) >= 1n) return null
  return refuse('amount_too_small', 'The amount must leave at least 1 minor unit after the fee.', { param: 'amount' })
}

/** A rule that comes after what the body names has been found; null where it may go ahead. */
export function tooMuch({ rules }: Pick<PaymentDeps, 'rules'>, amount: bigint): Refusal | null {
  const { paymentMaxMinor } = rules
  if (amount <= paymentMaxMinor) return null
  return refuse('limit_exceeded', `One payment may move at most ${paymentMaxMinor.toString()} minor units.`, {
    param: 'amount',
  })
}
