import type { RefundView } from '../../contract/index.ts'
import { timestamp } from '../../domain/clock.ts'
import type { RefundRow } from './rows.ts'

/** The merchant sees what of its fee it has back, and its own reason; its customer does not. */
export function refundView(row: RefundRow, viewer: 'payer' | 'merchant'): RefundView {
  return {
    id: row.id,
    payment: row.payment,
    status: row.status,
    status_reason: row.status_reason,
    version: row.version,
    amount: row.amount.toString(),
    currency: row.currency,
    ...(viewer === 'payer' ? {} : { fee: row.fee.toString(), reason: row.reason }),
    failure:
      row.failure_code === null
        ? null
        : { code: row.failure_code, message: row.failure_message ?? 'The refund did not go through.' },
    created_at: timestamp(row.created_at.getTime()),
    updated_at: timestamp(row.updated_at.getTime()),
  }
}
