import { createHash, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { CallbackHint, CallbackVerdict, HttpMessage, OrderLookup } from '../port.ts'

/**
 * PUTs of the operator. The standard signs nothing: our profile demands its API
 * key, a date within five minutes and the body's hash, and still a callback only
 * wakes an inquiry (connectors.md §3.1). It has no reference inside, so its
 * address carries ours, and its correlation id must be that order's.
 */
export type CallbackOptions = { apiKeys: readonly string[]; nowMs: number }

const BODY_BYTES_MAX = 65_536
const DATE_WINDOW_MS = 300_000
const ISO_DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/
/** RFC 9110 §5.6.7, as the text pages have it. */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/

export async function readCallback(
  message: HttpMessage,
  orders: OrderLookup,
  { apiKeys, nowMs }: CallbackOptions,
): Promise<CallbackVerdict> {
  const { body, headers } = message
  if (message.method !== 'PUT') return refused(400, 'callbacks are PUTs')
  if (body.byteLength > BODY_BYTES_MAX) return refused(400, 'larger than 64 KiB')
  const key = headers['x-api-key'] ?? ''
  if (!apiKeys.some((known) => isSame(key, known))) return refused(401, 'not the operator’s API key')
  const date = headers['x-date'] ?? ''
  const saidMs = ISO_DATE.test(date) || HTTP_DATE.test(date) ? Date.parse(date) : Number.NaN
  if (!(Math.abs(saidMs - nowMs) <= DATE_WINDOW_MS)) return refused(401, 'no date, or not of these five minutes')
  const hash = createHash('sha256').update(body).digest('hex')
  if (!isSame((headers['x-content-hash'] ?? '').toLowerCase(), hash)) return refused(401, 'not the body’s hash')

  const correlation = (headers['x-correlationid'] ?? '').toLowerCase()
  const references = URL.parse(message.targetUri)?.searchParams.getAll('ref') ?? []
  const [reference] = references
  if (reference === undefined || references.length > 1) return refused(400, 'the address names no reference')
  const order = await orders(reference)
  if (order === null) return refused(404, 'no such reference')
  if (order.uetr !== correlation) return refused(404, 'reference and correlation id are of different orders')
  return {
    ok: true,
    statement: { eventId: `${correlation}/${hash}`, reference, says: { kind: 'look', hint: hintOf(body) } },
  }
}

/** A transaction on success, a bare error object on failure; `reversed` and whatever else tells something new. */
const Claimed = z.union([z.object({ transactionStatus: z.string() }), z.object({ errorCategory: z.string() })])

function hintOf(body: Uint8Array): CallbackHint | null {
  const claimed = Claimed.safeParse(parsed(Buffer.from(body).toString('utf8')))
  if (!claimed.success) return null
  if ('errorCategory' in claimed.data) return 'declined'
  if (claimed.data.transactionStatus === 'completed') return 'moved'
  return claimed.data.transactionStatus === 'failed' ? 'declined' : null
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function isSame(given: string, right: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(given), digest(right))
}

function refused(status: 400 | 401 | 404, why: string): CallbackVerdict {
  return { ok: false, status, why }
}
