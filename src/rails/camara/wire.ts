import { z } from 'zod'
import { JsonNumber } from './json.ts'

/**
 * The answers of CAMARA Carrier Billing 0.5.0 and Refund 0.3.0 as far as we read
 * them. Members we do not read are let through: operators add their own.
 */

const Number = z.instanceof(JsonNumber)
/** It becomes a segment of our next path, so it has nothing in it that could lead elsewhere. */
const Id = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.:~-]{0,127}$/)
const Text = z.string().max(512)
const Time = z.iso.datetime({ offset: true })

export const ErrorInfo = z.object({ status: Number, code: z.string().max(128), message: z.string() })

const ChargingInformation = z.object({ amount: Number, currency: z.string() })

export const Payment = z.object({
  paymentId: Id,
  paymentStatus: z.string(),
  paymentCreationDate: Time,
  /** When the money was charged. */
  paymentDate: Time.optional(),
  amountTransaction: z.object({
    phoneNumber: z.string(),
    clientCorrelator: z.string().optional(),
    referenceCode: z.string(),
    serverReferenceCode: Text.optional(),
    paymentAmount: z.object({ chargingInformation: ChargingInformation }),
  }),
  validationInfo: z.object({ action: z.string(), authorizationId: z.string().min(1).max(256).optional() }).optional(),
})
export type Payment = z.infer<typeof Payment>

export const Refund = z.object({
  refundId: Id,
  refundStatus: z.string(),
  type: z.enum(['total', 'partial']),
  amountTransaction: z.object({
    clientCorrelator: z.string().optional(),
    referenceCode: z.string(),
    /** A total refund names no amount. */
    refundAmount: z.object({ chargingInformation: ChargingInformation.optional() }),
  }),
})
export type Refund = z.infer<typeof Refund>

export const RemainingAmount = z.object({ amount: Number, currency: z.string() })
