import type {
  CaptureMethod,
  FailureCode,
  PaymentKind,
  PaymentStatus,
  SourceStatus,
  SourceType,
  StatusReason,
} from '../contract/names.ts'
import type { AttemptState } from '../domain/attempt.ts'
import type { RailOperation } from '../rails/port.ts'

/** Rows as the tables have them, columns by their own names. */

export type PaymentRow = {
  id: string
  ledger: number
  kind: PaymentKind
  status: PaymentStatus
  status_reason: StatusReason | null
  version: number
  amount: bigint
  currency: string
  fee: bigint
  payer_fee: bigint
  captured_amount: bigint
  refund_reserved: bigint
  refunded_amount: bigint
  payer: string | null
  payee: string
  payee_name: string
  merchant: string | null
  store: string | null
  source_type: SourceType | null
  source_id: string | null
  source_label: string | null
  capture_method: CaptureMethod
  order_ref: string | null
  description: string | null
  failure_code: FailureCode | null
  failure_message: string | null
  metadata: Record<string, string>
  qr_token: string | null
  created_at: Date
  updated_at: Date
  expires_at: Date | null
  accepted_at: Date | null
  start_by: Date | null
  started_at: Date | null
}

export type AttemptRow = {
  payment: string
  no: number
  ledger: number
  rail: string
  operation: RailOperation
  reference: string
  uetr: string
  amount: bigint
  currency: string
  account_iban: string
  account_holder: string
  mandate_id: string | null
  mandate_signed_on: string | null
  description: string
  state: AttemptState
  dispatch_token: string | null
  dispatched_at: Date | null
  sends: number
  inquiries: number
  next_look_at: Date | null
  failure_code: FailureCode | null
  failure_message: string | null
  rail_reference: string | null
  updated_at: Date
}

export type SourceRow = {
  id: string
  user_id: string
  type: 'bank'
  rail: string
  bank: string
  iban: string
  holder: string
  currency: string
  label: string
  status: SourceStatus
  mandate_id: string | null
  mandate_signed_on: string | null
  created_at: Date
}

/** A payment with its latest attempt and its open holds, as one statement saw them. */
export type PaymentState = { payment: PaymentRow; attempt: AttemptRow | null; holds: string[] }
