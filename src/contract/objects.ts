import { z } from 'zod'
import {
  CAPTURE_METHODS,
  DEVICE_STATUSES,
  DISPUTE_STATES,
  ERROR_CODES,
  NEXT_ACTIONS,
  PAYMENT_KINDS,
  PAYMENT_STATUSES,
  RECOVERY_KINDS,
  RECOVERY_STATES,
  REFUND_STATUSES,
  SOURCE_STATUSES,
  SOURCE_TYPES,
  STATUS_REASONS,
} from './names.ts'
import { AmountText, Currency, DeviceId, PaymentId, RefundId, Timestamp } from './primitives.ts'

/** Objects as clients see them. Clients ignore fields they do not know, so these are open. */

/** What the payer is asked for; answered by `payment.respond` with the same `step`. */
export const NextAction = z.object({
  type: z.enum(NEXT_ACTIONS),
  /** Nobody answers later than this. */
  expires_at: Timestamp.optional(),
  /** Where the code was sent to, masked. */
  hint: z.string().optional(),
})
export type NextAction = z.infer<typeof NextAction>

/** Money that moved after the end: the terminal status stays, this tells what became of it. */
export const Recovery = z.object({ kind: z.enum(RECOVERY_KINDS), amount: AmountText, state: z.enum(RECOVERY_STATES) })
export type Recovery = z.infer<typeof Recovery>

export const Dispute = z.object({ state: z.enum(DISPUTE_STATES) })
export type Dispute = z.infer<typeof Dispute>

export const PaymentView = z.object({
  id: PaymentId,
  kind: z.enum(PAYMENT_KINDS),
  status: z.enum(PAYMENT_STATUSES),
  status_reason: z.enum(STATUS_REASONS).nullable(),
  version: z.number().int().positive(),
  amount: AmountText,
  currency: Currency,
  /** Absent for a payer: what the merchant pays is not the payer's business. */
  fee: AmountText.optional(),
  refunded_amount: AmountText,
  captured_amount: AmountText,
  payer: z.string().nullable(),
  payee: z.string(),
  payee_name: z.string(),
  store: z.string().nullable(),
  source: z.object({ type: z.enum(SOURCE_TYPES), id: z.string().optional(), label: z.string() }).nullable(),
  capture_method: z.enum(CAPTURE_METHODS),
  order_ref: z.string().nullable(),
  description: z.string().nullable(),
  failure: z.object({ code: z.enum(ERROR_CODES), message: z.string() }).nullable(),
  next_action: NextAction.nullable(),
  recovery: Recovery.nullable(),
  dispute: Dispute.nullable(),
  /** Absent for a payer. */
  metadata: z.record(z.string(), z.string()).optional(),
  created_at: Timestamp,
  updated_at: Timestamp,
  expires_at: Timestamp.nullable(),
})
export type PaymentView = z.infer<typeof PaymentView>

/** Money on its way back to where it came from, or there already. */
export const RefundView = z.object({
  id: RefundId,
  payment: PaymentId,
  status: z.enum(REFUND_STATUSES),
  status_reason: z.enum(STATUS_REASONS).nullable(),
  version: z.number().int().positive(),
  amount: AmountText,
  currency: Currency,
  /** What of the payment's fee goes back to the merchant with it; absent for a payer. */
  fee: AmountText.optional(),
  /** The merchant's own words; absent for a payer. */
  reason: z.string().nullable().optional(),
  failure: z.object({ code: z.enum(ERROR_CODES), message: z.string() }).nullable(),
  created_at: Timestamp,
  updated_at: Timestamp,
})
export type RefundView = z.infer<typeof RefundView>

export const BalanceView = z.object({ currency: Currency, available: AmountText, pending: AmountText })
export type BalanceView = z.infer<typeof BalanceView>

export const SourceView = z.object({
  id: z.string(),
  type: z.enum(SOURCE_TYPES),
  label: z.string(),
  status: z.enum(SOURCE_STATUSES),
  next_action: NextAction.nullable(),
})
export type SourceView = z.infer<typeof SourceView>

/** A device of the user. Events about it tell the same without `current`. */
export const DeviceView = z.object({
  id: DeviceId,
  name: z.string(),
  created_at: Timestamp,
  last_seen_at: Timestamp.nullable(),
  /** `restricted`: it only looks, until it is approved or its waiting time is over. */
  status: z.enum(DEVICE_STATUSES),
  /** Whether it is the device that asks. */
  current: z.boolean(),
})
export type DeviceView = z.infer<typeof DeviceView>

/** Body of `device.added`, which comes for a further device (`restricted`) and once it is approved (`active`), and of `device.revoked`. */
export const DeviceEvent = DeviceView.omit({ current: true })
export type DeviceEvent = z.infer<typeof DeviceEvent>

export const LimitView = z.object({
  name: z.string(),
  currency: Currency,
  period: z.enum(['payment', 'day', 'month']),
  max: AmountText,
  used: AmountText,
})
export type LimitView = z.infer<typeof LimitView>

export const QuoteView = z.object({
  payer_fee: AmountText,
  total: AmountText,
  pin_required: z.boolean(),
  limits_ok: z.boolean(),
})
export type QuoteView = z.infer<typeof QuoteView>
