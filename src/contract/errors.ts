import { z } from 'zod'
import { ERROR_CODES, type ErrorCode } from './names.ts'

/** An error as the socket carries it; problem+json is derived from it at the bridge. */
export const WireError = z.object({
  code: z.enum(ERROR_CODES),
  message: z.string(),
  param: z.string().optional(),
  retryable: z.boolean(),
  retry_after_ms: z.number().int().nonnegative().nullable(),
  request_id: z.string(),
})
export type WireError = z.infer<typeof WireError>

/** HTTP status of each code (protocol.md §2, Errors). `not_found` is 404 for a path, 422 for an id in a body. */
export function httpStatus(code: ErrorCode, where: 'path' | 'body' = 'path'): number {
  switch (code) {
    case 'invalid_request':
    case 'idempotency_key_missing':
      return 400
    case 'unauthenticated':
      return 401
    case 'insufficient_funds':
      return 402
    case 'forbidden':
      return 403
    case 'not_found':
    case 'unknown_command':
      return where === 'path' ? 404 : 422
    case 'order_ref_in_use':
    case 'in_flight':
    case 'payment_not_capturable':
    case 'payment_not_cancelable':
    case 'payment_not_confirmable':
    case 'payment_expired':
    case 'code_used':
    case 'already_claimed':
      return 409
    case 'rate_limited':
      return 429
    case 'internal':
      return 500
    case 'overloaded':
    case 'temporarily_unavailable':
    case 'rail_unavailable':
      return 503
    case 'amount_exceeds_refundable':
    case 'currency_mismatch':
    case 'capture_method_unsupported':
    case 'declined_by_payer':
    case 'declined_by_rail':
    case 'not_executed':
    case 'otp_wrong':
    case 'otp_expired':
    case 'otp_exhausted':
    case 'idempotency_key_reused':
    case 'signature_invalid':
    case 'signature_mismatch':
    case 'confirmation_replayed':
    case 'confirmation_expired':
    case 'limit_exceeded':
    case 'amount_too_small':
    case 'amount_invalid':
    case 'currency_not_supported':
    case 'source_not_found':
    case 'source_not_usable':
    case 'code_invalid':
    case 'pin_required':
    case 'pin_wrong':
    case 'pin_locked':
    case 'device_restricted':
      return 422
    default: {
      const missing: never = code
      throw new Error(`no HTTP status for ${String(missing)}`)
    }
  }
}
