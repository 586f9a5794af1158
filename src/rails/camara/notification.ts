import { createHash, createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { CallbackHint, CallbackVerdict, HttpMessage, OrderLookup } from '../port.ts'
import { parseJson } from './json.ts'
import type { Sink } from './messages.ts'

/**
 * Notifications (connectors.md §2.4): CloudEvents, posted to the sink that each
 * request names. The standard signs nothing, so one only wakes an authenticated
 * question; what lets it in is a bearer token of its own for each reference.
 */

/** A token outlives the payment it is for, so that late news still comes in. */
const TOKEN_LIFETIME_MS = 30 * 86_400_000
const BODY_BYTES_MAX = 64 * 1024

const EVENT_TYPE =
  /^org\.camaraproject\.(carrier-billing\.v0\.payment-(pending-validation|reserved|completed|cancelled|denied)|carrier-billing-refund\.v0\.refund-(completed|denied|in-bill))$/

const CloudEvent = z.object({
  id: z.string().min(1).max(512),
  source: z.string().min(1).max(1_024),
  specversion: z.literal('1.0'),
  type: z.string().regex(EVENT_TYPE),
  time: z.iso.datetime({ offset: true }),
  datacontenttype: z.literal('application/json').optional(),
  data: z.object({ paymentId: z.string().min(1), refundId: z.string().optional(), status: z.string().optional() }),
})

export type SinkOptions = {
  rail: string
  /** Ours, without query. */
  callbackUrl: string
  key: KeyObject
}

/** The same order has the same sink, so that a resend is the same request. */
export function sinkOf(reference: string, dispatchedAtMs: number, options: SinkOptions): Sink {
  const expiresAtMs = dispatchedAtMs + TOKEN_LIFETIME_MS
  const url = new URL(options.callbackUrl)
  url.searchParams.set('ref', reference)
  return { url: url.href, token: tokenOf(reference, expiresAtMs, options), expiresAtMs }
}

export async function readNotification(
  message: HttpMessage,
  orders: OrderLookup,
  options: SinkOptions & { nowMs: number },
): Promise<CallbackVerdict> {
  if (message.method !== 'POST') return refused(400, 'notifications are posted')
  if (message.body.byteLength > BODY_BYTES_MAX) return refused(400, 'larger than 64 KiB')
  const named = URL.parse(message.targetUri)?.searchParams.getAll('ref') ?? []
  const reference = named[0] ?? ''
  if (named.length !== 1 || !/^[A-Za-z0-9]{1,30}$/.test(reference)) return refused(400, 'names no reference')
  const why = tokenFault(message.headers['authorization'], reference, options)
  if (why !== null) return refused(401, why)

  const [type = ''] = (message.headers['content-type'] ?? '').toLowerCase().split(';')
  if (type.trim() !== 'application/cloudevents+json') return refused(400, 'no CloudEvent')
  const event = CloudEvent.safeParse(parseJson(Buffer.from(message.body).toString('utf8')))
  if (!event.success) return refused(400, 'no event of carrier billing')

  const order = await orders(reference)
  if (order === null) return refused(404, 'no such reference')
  const known = order.memo['paymentId'] ?? order.original?.memo['paymentId']
  if (known !== undefined && known !== event.data.data.paymentId) return refused(404, 'about another payment')
  return {
    ok: true,
    statement: { eventId: eventIdOf(event.data), reference, says: { kind: 'look', hint: hintOf(event.data) } },
  }
}

const HINTS: readonly (readonly [ending: string, hint: CallbackHint])[] = [
  ['payment-pending-validation', 'reserved'],
  ['payment-reserved', 'reserved'],
  ['payment-completed', 'moved'],
  ['refund-completed', 'moved'],
  ['payment-denied', 'declined'],
  ['refund-denied', 'declined'],
  ['payment-cancelled', 'released'],
]

/** `status` is of the procedure: one that failed at what its type names claims nothing we know. */
function hintOf({ type, data }: z.infer<typeof CloudEvent>): CallbackHint | null {
  if (data.status === 'failed') return null
  return HINTS.find(([ending]) => type.endsWith(`.${ending}`))?.[1] ?? null
}

/** CloudEvents are the same where source and id are (CloudEvents 1.0, §3.1); hashed, since both may be long. */
function eventIdOf({ source, id }: { source: string; id: string }): string {
  return createHash('sha256')
    .update(JSON.stringify([source, id]))
    .digest('base64url')
}

function tokenOf(reference: string, expiresAtMs: number, { rail, key }: { rail: string; key: KeyObject }): string {
  const mac = createHmac('sha256', key)
    .update(JSON.stringify(['camara-notification', rail, reference, expiresAtMs]))
    .digest('base64url')
  return `${expiresAtMs}.${mac}`
}

function tokenFault(
  authorization: string | undefined,
  reference: string,
  options: SinkOptions & { nowMs: number },
): string | null {
  const token = /^Bearer (([1-9][0-9]{0,14})\.[A-Za-z0-9_-]{43})$/i.exec(authorization ?? '')
  if (token === null) return 'no token of ours'
  const expiresAtMs = Number(token[2])
  const ours = Buffer.from(tokenOf(reference, expiresAtMs, options))
  const theirs = Buffer.from(token[1] ?? '')
  if (ours.length !== theirs.length || !timingSafeEqual(ours, theirs)) return 'not the token of this reference'
  return options.nowMs < expiresAtMs ? null : 'the token has expired'
}

function refused(status: 400 | 401 | 404, why: string): CallbackVerdict {
  return { ok: false, status, why }
}
