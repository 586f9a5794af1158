import { z } from 'zod'
import { CAPTURE_METHODS, PAYMENT_KINDS } from './names.ts'
import { AmountText } from './primitives.ts'

/**
 * What a device signs. Claims are compared one by one with what the hub is
 * about to do; unknown claims are refused, `iat` may always stand beside them.
 */

const iat = z.number().optional()

export const ConfirmClaims = z.strictObject({
  aud: z.literal('mooring:confirm'),
  env: z.enum(['test', 'live']),
  sub: z.string(),
  device: z.string(),
  kind: z.enum(PAYMENT_KINDS),
  payment: z.string().optional(),
  key: z.string().optional(),
  payee: z.string(),
  amount: AmountText,
  currency: z.string(),
  payer_fee: AmountText,
  total: AmountText,
  source: z.string(),
  capture_method: z.enum(CAPTURE_METHODS),
  order_ref: z.string().optional(),
  jti: z.string().min(16).max(128),
  exp: z.number(),
  iat,
})
export type ConfirmClaims = z.infer<typeof ConfirmClaims>

export const ActionClaims = z.strictObject({
  aud: z.literal('mooring:action'),
  sub: z.string(),
  device: z.string(),
  name: z.string(),
  /** base64url SHA-256 of the RFC 8785 canonical JSON of the body without action, pin, old_pin. */
  body: z.string(),
  jti: z.string().min(16).max(128),
  exp: z.number(),
  iat,
})
export type ActionClaims = z.infer<typeof ActionClaims>

export const SocketProofClaims = z.strictObject({
  aud: z.literal('mooring:socket'),
  nonce: z.string(),
  ath: z.string(),
  origin: z.string().optional(),
  iat,
})

export const EnrolProofClaims = z.strictObject({ aud: z.literal('mooring:enrol'), enrolment: z.string(), iat })

export const TokenProofClaims = z.strictObject({
  aud: z.literal('mooring:token'),
  sub: z.string(),
  nonce: z.string(),
  iat,
})
