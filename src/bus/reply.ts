import type { z } from 'zod'
import { type ErrorCode, isRetryable, type WireError } from '../contract/index.ts'
import { refuse, type Refusal } from '../domain/refusal.ts'
import type { HubReply } from './messages.ts'

/** When to try again, ms, where the refusal itself does not know better. */
const RETRY_AFTER_MS: Partial<Record<ErrorCode, number>> = {
  in_flight: 500,
  rate_limited: 1_000,
  overloaded: 500,
  temporarily_unavailable: 1_000,
  rail_unavailable: 5_000,
}

/** A refusal as it crosses the wire: the one place where it gains retryable, retry_after_ms and the request's id. */
export function toWireError(refusal: Refusal, requestId: string): WireError {
  return {
    code: refusal.code,
    message: refusal.message,
    ...(refusal.param === undefined ? {} : { param: refusal.param }),
    retryable: isRetryable(refusal.code),
    retry_after_ms: refusal.retryAfterMs ?? RETRY_AFTER_MS[refusal.code] ?? null,
    request_id: requestId,
  }
}

export function okReply(body: unknown): HubReply {
  return { ok: true, body }
}

export function refusalReply(refusal: Refusal, requestId: string): HubReply {
  return {
    ok: false,
    error: toWireError(refusal, requestId),
    ...(refusal.payment === undefined ? {} : { payment: refusal.payment }),
  }
}

/** A body that does not fit its schema: `invalid_request` naming the first field at fault, dotted (`device.public_key.x`). */
export function invalidRequest(error: z.ZodError): Refusal {
  const issue = error.issues[0]
  if (issue === undefined) return refuse('invalid_request', 'The body does not fit.')
  const path = issue.path.map(String)
  if (issue.code === 'unrecognized_keys') path.push(...issue.keys.slice(0, 1))
  const param = path.join('.')
  const message = issue.code === 'unrecognized_keys' ? 'This field is not known here.' : `${issue.message}.`
  return refuse('invalid_request', message, param === '' ? {} : { param })
}
