import type { FastifyRequest } from 'fastify'
import type { Credential } from '../bus/index.ts'
import { IdempotencyKey } from '../contract/index.ts'

/** What the bridge reads from a request's headers; the hub believes none of it. */

const BEARER = /^bearer +(sk_(?:test|live)_[0-9A-Za-z_-]{16,120})$/i

/** The merchant's secret key from `Authorization: Bearer sk_…`; null where there is none of that form. */
export function merchantCredential(request: FastifyRequest): Extract<Credential, { type: 'merchant' }> | null {
  const secretKey = BEARER.exec(request.headers.authorization ?? '')?.[1]
  return secretKey === undefined ? null : { type: 'merchant', secretKey }
}

/** `Idempotency-Key`, quoted as the IETF draft has it (a structured-field string) or bare; null where missing or ill-formed. */
export function idempotencyKey(request: FastifyRequest): string | null {
  const header = request.headers['idempotency-key']
  if (typeof header !== 'string') return null
  const bare = /^"(.*)"$/.exec(header.trim())?.[1] ?? header.trim()
  return IdempotencyKey.safeParse(bare).success ? bare : null
}

/** `traceparent` (W3C Trace Context), where it is well-formed and not all zeros. */
export function traceparent(request: FastifyRequest): { traceparent: string } | Record<string, never> {
  const header = request.headers.traceparent
  if (typeof header !== 'string') return {}
  const parts = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/.exec(header)
  if (parts === null || /^0+$/.test(parts[1] ?? '') || /^0+$/.test(parts[2] ?? '')) return {}
  return { traceparent: header }
}
