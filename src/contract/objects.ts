import { z } from 'zod'
import {
  CAPTURE_METHODS,
  ERROR_CODES,
  PAYMENT_KINDS,
  PAYMENT_STATUSES,
  SOURCE_STATUSES,
  SOURCE_TYPES,
  STATUS_REASONS,
} from './names.ts'
import { AmountText, Currency, PaymentId, Timestamp } from './primitives.ts'

/** Objects as clients see them. Clients ignore fields they do not know, so these are open. */

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
  next_action: z.null(),
  recovery: z.null(),
  dispute: z.null(),
  /** Absent for a payer. */
  metadata: z.record(z.string(), z.string()).optional(),
  created_at: Timestamp,
  updated_at: Timestamp,
  expires_at: Timestamp.nullable(),
})
export type PaymentView = z.infer<typeof PaymentView>

export const BalanceView = z.object({ currency: Currency, available: AmountText, pending: AmountText })
export type BalanceView = z.infer<typeof BalanceView>

export const SourceView = z.object({
  id: z.string(),
  type: z.enum(SOURCE_TYPES),
  label: z.string(),
  status: z.enum(SOURCE_STATUSES),
  next_action: z.null(),
})
export type SourceView = z.infer<typeof SourceView>

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
