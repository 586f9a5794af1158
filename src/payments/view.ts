import type { PaymentView, SourceView } from '../contract/index.ts'
import { timestamp } from '../domain/clock.ts'
import type { PaymentRow, SourceRow } from './rows.ts'

/** Who looks: a merchant sees its own fee and metadata, nobody else does (protocol.md, Payment object). */
export type Viewer = 'payer' | 'payee' | { merchant: string; payerAlias: (merchant: string, user: string) => string }

export function paymentView(row: PaymentRow, viewer: Viewer): PaymentView {
  const merchant = typeof viewer === 'object' ? viewer : null
  return {
    id: row.id,
    kind: row.kind,
    status: row.status,
    status_reason: row.status_reason,
    version: row.version,
    amount: row.amount.toString(),
    currency: row.currency,
    ...(merchant === null ? {} : { fee: row.fee.toString() }),
    refunded_amount: row.refunded_amount.toString(),
    captured_amount: row.captured_amount.toString(),
    payer: row.payer === null || merchant === null ? row.payer : merchant.payerAlias(merchant.merchant, row.payer),
    payee: row.payee,
    payee_name: row.payee_name,
    store: row.store,
    source: sourceOf(row, viewer === 'payer'),
    capture_method: row.capture_method,
    order_ref: row.order_ref,
    description: row.description,
    failure:
      row.failure_code === null
        ? null
        : { code: row.failure_code, message: row.failure_message ?? 'The payment did not go through.' },
    next_action: viewer === 'payee' ? null : row.next_action,
    recovery: row.recovery,
    dispute: row.dispute,
    ...(merchant === null ? {} : { metadata: row.metadata }),
    created_at: timestamp(row.created_at.getTime()),
    updated_at: timestamp(row.updated_at.getTime()),
    expires_at: row.expires_at === null ? null : timestamp(row.expires_at.getTime()),
  }
}

/** The account's id is its owner's business; others see what kind it is. */
function sourceOf(row: PaymentRow, own: boolean): PaymentView['source'] {
  if (row.source_type === null) return null
  const label = row.source_label ?? row.source_type
  return own && row.source_id !== null
    ? { type: row.source_type, id: row.source_id, label }
    : { type: row.source_type, label }
}

export function sourceView(row: SourceRow): SourceView {
  return { id: row.id, type: row.type, label: row.label, status: row.status, next_action: nextActionOf(row) }
}

/** A mandate is approved at the bank, by whatever way it has. */
function nextActionOf({ status }: SourceRow): SourceView['next_action'] {
  return status === 'requires_action' ? { type: 'approve_mandate' } : null
}
