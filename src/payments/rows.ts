import type {
  CaptureMethod,
  FailureCode,
  PaymentKind,
  PaymentStatus,
  SourceStatus,
  SourceType,
  StatusReason,
} from '../contract/names.ts'
import type { Dispute, NextAction, Recovery } from '../contract/index.ts'
import type { AttemptState, RailOperation, RailStep } from '../domain/attempt.ts'
import type { Evidence, RailMemo } from '../rails/port.ts'

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
  /** The version of its merchant's plan it is priced by (src/identity/fee-plans.ts); null where there is none. */
  fee_plan: string | null
  payer_fee: bigint
  captured_amount: bigint
  refund_reserved: bigint
  refunded_amount: bigint
  /** What is asked of a held payment and waits for its rail. */
  capture_requested: bigint | null
  cancel_requested_at: Date | null
  next_action: NextAction | null
  recovery: Recovery | null
  dispute: Dispute | null
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

/** A payment from which nothing was asked in between, and to which nothing happened after its end. */
export const UNTOUCHED = {
  capture_requested: null,
  cancel_requested_at: null,
  next_action: null,
  recovery: null,
  dispute: null,
} as const satisfies Partial<PaymentRow>

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
  /** IBAN or phone number, as the rail has it. */
  account: string
  account_holder: string | null
  mandate_id: string | null
  mandate_signed_on: string | null
  description: string
  merchant: string | null
  merchant_name: string | null
  original: OriginalFacts | null
  step: RailStep
  state: AttemptState
  asks: 'code' | null
  input: string | null
  memo: RailMemo | null
  evidence: Partial<Evidence> | null
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
  type: 'bank' | 'mobile_money'
  rail: string
  /** Bank or operator, by its id. */
  bank: string
  /** IBAN or phone number. */
  account: string
  holder: string | null
  currency: string
  label: string
  status: SourceStatus
  mandate_id: string | null
  mandate_signed_on: string | null
  /** Ours at the bank; null where there is no mandate. */
  mandate_reference: string | null
  inquiries: number | null
  /** When the bank is asked again about a mandate it has not decided. */
  next_look_at: Date | null
  created_at: Date
}

/** A refund's original collect, as JSON keeps it: amounts as text, times as ms. */
export type OriginalFacts = {
  reference: string
  uetr: string
  amount: string
  dispatched_at_ms: number
  rail_reference: string | null
  memo: RailMemo
}

/** An open hold, in the payment's own ledger or in that of limits. */
export type Hold = { id: string; ledger: number }

/** A payment with its latest attempt and its open holds, as one statement saw them. */
export type PaymentState = { payment: PaymentRow; attempt: AttemptRow | null; holds: Hold[] }
