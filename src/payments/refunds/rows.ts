import type { FailureCode, RefundStatus, StatusReason } from '../../contract/names.ts'
import type { AttemptRow, Hold, PaymentRow } from '../rows.ts'

/** Rows as the tables have them, columns by their own names. */

export type RefundRow = {
  id: string
  ledger: number
  payment: string
  merchant: string
  amount: bigint
  currency: string
  /** What of our fee goes back with it, and the tax in that. */
  fee: bigint
  fee_tax: bigint
  reason: string | null
  status: RefundStatus
  status_reason: StatusReason | null
  version: number
  failure_code: FailureCode | null
  failure_message: string | null
  created_at: Date
  updated_at: Date
}

/** A refund with its payment, its attempt at a rail and its open holds. */
export type RefundState = { refund: RefundRow; payment: PaymentRow; attempt: AttemptRow | null; holds: Hold[] }

/** What a new refund is decided by: the payment, how it was collected, and what its refunds have given back so far. */
export type RefundBase = {
  payment: PaymentRow
  /** Null where it came from a wallet. */
  collect: AttemptRow | null
  returned: { feeMinor: bigint; taxMinor: bigint }
}
