import { z } from 'zod'
import { ERROR_CODES, PAYMENT_STATUSES } from './names.ts'
import { PaymentView, RefundView } from './objects.ts'
import {
  AmountText,
  CompactJws,
  Currency,
  DeviceId,
  ExportedPublicKey,
  EnrolmentId,
  PaymentId,
  Phone,
  RefundId,
  StoreId,
  Timestamp,
  UserId,
  text,
} from './primitives.ts'

/** REST bodies of `/v1`, from which the OpenAPI document is generated. */

export const PAYMENT_EXPIRES_IN_S = { min: 60, max: 86_400, default: 900 } as const

/** What a merchant may hang on a payment: each list, snapshot and event of that payment has it. `bytes`: as JSON in UTF-8. */
const METADATA = { entries: 50, bytes: 4096 } as const
const Metadata = z
  .record(text(40), text(500))
  .refine((metadata) => Object.keys(metadata).length <= METADATA.entries, {
    message: `expected at most ${String(METADATA.entries)} entries`,
    abort: true,
  })
  .refine((metadata) => new TextEncoder().encode(JSON.stringify(metadata)).length <= METADATA.bytes, {
    message: `expected at most ${String(METADATA.bytes)} bytes, as JSON in UTF-8`,
  })
  .meta({
    maxProperties: METADATA.entries,
    description: `At most ${String(METADATA.bytes)} bytes in all, as JSON in UTF-8.`,
  })

export const CreatePaymentBody = z.strictObject({
  amount: AmountText,
  currency: Currency,
  order_ref: text(64).optional(),
  description: text(140).optional(),
  store: StoreId.optional(),
  /** `manual`: held when the payer confirms, then captured or canceled by the merchant. */
  capture_method: z.enum(['automatic', 'manual']).optional(),
  expires_in: z.number().int().min(PAYMENT_EXPIRES_IN_S.min).max(PAYMENT_EXPIRES_IN_S.max).optional(),
  method: z
    .discriminatedUnion('type', [
      z.strictObject({ type: z.enum(['app', 'qr']) }),
      /** The code that the customer shows. Whether it is one is answered by `code_invalid`, not by its shape. */
      z.strictObject({ type: z.literal('code'), code: z.string().max(64) }),
    ])
    .optional(),
  metadata: Metadata.optional(),
})
export type CreatePaymentBody = z.infer<typeof CreatePaymentBody>

/** Left out: all that is held. */
export const CapturePaymentBody = z.strictObject({ amount: AmountText.optional() })
export const CancelPaymentBody = z.strictObject({})

/** A payment as its merchant sees it, with what the merchant shows to be paid. */
export const MerchantPayment = PaymentView.extend({ qr: z.object({ payload: z.string() }).optional() })
export type MerchantPayment = z.infer<typeof MerchantPayment>

/** A page's length as a query carries it: decimal digits, nothing that merely converts to a number. */
const PageLimit = z
  .string()
  .regex(/^[0-9]{1,3}$/, 'expected 1 to 100')
  .pipe(z.coerce.number<string>().int().min(1).max(100))

export const ListPaymentsQuery = z.strictObject({
  limit: PageLimit.default(20),
  starting_after: PaymentId.optional(),
  ending_before: PaymentId.optional(),
  status: z.enum(PAYMENT_STATUSES).optional(),
  order_ref: text(64).optional(),
  created_gte: Timestamp.optional(),
  created_lt: Timestamp.optional(),
  store: StoreId.optional(),
})
export type ListPaymentsQuery = z.infer<typeof ListPaymentsQuery>

export const PaymentList = z.object({ data: z.array(MerchantPayment), has_more: z.boolean() })

/** The whole of what is left of the payment where no amount is given. */
export const CreateRefundBody = z.strictObject({
  payment: PaymentId,
  amount: AmountText.optional(),
  reason: text(140).optional(),
})
export type CreateRefundBody = z.infer<typeof CreateRefundBody>

export const ListRefundsQuery = z.strictObject({
  limit: PageLimit.default(20),
  starting_after: RefundId.optional(),
  ending_before: RefundId.optional(),
  payment: PaymentId.optional(),
})
export type ListRefundsQuery = z.infer<typeof ListRefundsQuery>

export const RefundList = z.object({ data: z.array(RefundView), has_more: z.boolean() })

/** Without `store`: every payment of the merchant's. */
export const SocketTokenBody = z.strictObject({ store: StoreId.optional() })
export type SocketTokenBody = z.infer<typeof SocketTokenBody>
/** `expires_in`: seconds. */
export const SocketTokenAnswer = z.object({ token: z.string(), expires_in: z.number().int() })
export type SocketTokenAnswer = z.infer<typeof SocketTokenAnswer>

export const CreateStoreBody = z.strictObject({ name: text(64) })
export type CreateStoreBody = z.infer<typeof CreateStoreBody>
export const ListStoresQuery = z.strictObject({
  limit: PageLimit.default(20),
  starting_after: StoreId.optional(),
  ending_before: StoreId.optional(),
})
export type ListStoresQuery = z.infer<typeof ListStoresQuery>
export const StoreView = z.object({ id: StoreId, name: z.string(), created_at: Timestamp })
export type StoreView = z.infer<typeof StoreView>
export const StoreList = z.object({ data: z.array(StoreView), has_more: z.boolean() })
export type StoreList = z.infer<typeof StoreList>

export const NonceAnswer = z.object({ nonce: z.string(), expires_at: Timestamp })
export type NonceAnswer = z.infer<typeof NonceAnswer>

export const EnrolmentBody = z.strictObject({
  phone: Phone,
  device: z.strictObject({ name: text(64), public_key: ExportedPublicKey }),
})
export type EnrolmentBody = z.infer<typeof EnrolmentBody>
export const EnrolmentAnswer = z.object({ id: EnrolmentId, expires_at: Timestamp })
export type EnrolmentAnswer = z.infer<typeof EnrolmentAnswer>

export const VerifyEnrolmentBody = z.strictObject({ otp: z.string().regex(/^[0-9]{6}$/), proof: CompactJws })
export type VerifyEnrolmentBody = z.infer<typeof VerifyEnrolmentBody>
export const VerifyEnrolmentAnswer = z.object({
  user: UserId,
  device: DeviceId,
  restricted_until: Timestamp.optional(),
})
export type VerifyEnrolmentAnswer = z.infer<typeof VerifyEnrolmentAnswer>

export const TokenBody = z.strictObject({ device: DeviceId, proof: CompactJws })
export type TokenBody = z.infer<typeof TokenBody>
export const TokenAnswer = z.object({ access_token: z.string(), expires_in: z.number().int() })
export type TokenAnswer = z.infer<typeof TokenAnswer>

/** RFC 9457 problem details with our members. */
export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  detail: z.string(),
  code: z.enum(ERROR_CODES),
  param: z.string().optional(),
  payment: z.string().optional(),
  request_id: z.string(),
  retryable: z.boolean(),
})
export type Problem = z.infer<typeof Problem>
