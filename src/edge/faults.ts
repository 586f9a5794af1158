import { CLOSE, isRetryable, type CloseCode, type ErrorCode, type WireError } from '../contract/index.ts'

/** Why a session ends: the close code, and the error frame that goes before it (null: the code says it all). */
export type Ending = { code: CloseCode; reason: string; error: { code: ErrorCode; retryAfter_ms?: number } | null }

export function ending(code: CloseCode, reason: string, error: ErrorCode | null, retryAfter_ms?: number): Ending {
  if (error === null) return { code, reason, error: null }
  return { code, reason, error: retryAfter_ms === undefined ? { code: error } : { code: error, retryAfter_ms } }
}

export const TOKEN_EXPIRED = ending(CLOSE.tokenExpired, 'the token has expired', 'unauthenticated')
export const SLOW_CONSUMER = ending(CLOSE.slowConsumer, 'the outbound queue is full; reconnect to resume', null)
export const GOING_AWAY = ending(CLOSE.goingAway, 'this edge is closing', null)

/** A feed that cannot be continued on this socket. */
export const resuming = (reason: string): Ending => ending(CLOSE.internal, `${reason}; reconnect to resume`, null)

export function wireError(code: ErrorCode, message: string, requestId: string, retryAfter_ms?: number): WireError {
  return { code, message, retryable: isRetryable(code), retry_after_ms: retryAfter_ms ?? null, request_id: requestId }
}

/** How a hub's refusal to open a session, or to keep one, ends the socket. */
export function endingOf(error: WireError): Ending {
  switch (error.code) {
    case 'unauthenticated':
    case 'signature_invalid':
    case 'signature_mismatch':
      return ending(CLOSE.unauthenticated, error.message, 'unauthenticated')
    case 'forbidden':
    case 'device_restricted':
      return ending(CLOSE.forbidden, error.message, error.code)
    case 'invalid_request':
      return ending(CLOSE.badFrame, error.message, error.code)
    case 'overloaded':
      return ending(CLOSE.overloaded, error.message, error.code, error.retry_after_ms ?? undefined)
    default:
      return ending(CLOSE.internal, error.message, error.code, error.retry_after_ms ?? undefined)
  }
}
