import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { invalid, type WireError } from './error.ts'

/** The headers an order must have in this operator's profile, and what is wrong with them. */

const DATE_WINDOW_MS = 300_000
const UUID = /^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$/
const ISO_DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/
const HTTP_DATE = /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/

const MANDATORY = [
  'accept',
  'accept-charset',
  'content-type',
  'x-correlationid',
  'x-callback-url',
  'x-date',
  'x-api-key',
  'x-client-id',
  'x-content-hash',
] as const

export function headerText(headers: IncomingHttpHeaders, name: string): string | null {
  const value = headers[name]
  return typeof value === 'string' && value !== '' ? value : null
}

/** The client's correlation id in lower case; null where there is none that can be read. */
export function correlationOf(headers: IncomingHttpHeaders): string | null {
  const text = headerText(headers, 'x-correlationid')
  return text !== null && UUID.test(text) ? text.toLowerCase() : null
}

type Expected = { nowMs: number; clientId: string; callbackUrl: string | null }

export function headerFault(headers: IncomingHttpHeaders, body: Uint8Array, expected: Expected): WireError | null {
  const missing = MANDATORY.find((name) => headerText(headers, name) === null)
  if (missing !== undefined) return invalid('mandatoryValueNotSupplied', missing, '')
  const text = (name: (typeof MANDATORY)[number]): string => headerText(headers, name) ?? ''
  const sha256 = createHash('sha256').update(body).digest('hex')
  const checks: [(typeof MANDATORY)[number], boolean][] = [
    ['accept', /application\/json|\*\/\*/.test(text('accept'))],
    ['accept-charset', /^utf-8$/i.test(text('accept-charset'))],
    ['content-type', /^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i.test(text('content-type'))],
    ['x-correlationid', correlationOf(headers) !== null],
    ['x-callback-url', callbackIsOurs(text('x-callback-url'), expected.callbackUrl)],
    ['x-date', dateIsNear(text('x-date'), expected.nowMs)],
    ['x-client-id', text('x-client-id') === expected.clientId],
    ['x-content-hash', text('x-content-hash').toLowerCase() === sha256],
  ]
  const wrong = checks.find(([, right]) => !right)
  return wrong === undefined ? null : invalid('formatError', wrong[0], text(wrong[0]))
}

function dateIsNear(text: string, nowMs: number): boolean {
  if (!ISO_DATE.test(text) && !HTTP_DATE.test(text)) return false
  return Math.abs(Date.parse(text) - nowMs) <= DATE_WINDOW_MS
}

/** Callbacks go where the client registered, with whatever query the order names. */
function callbackIsOurs(text: string, registered: string | null): boolean {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol)) return false
  return registered === null || `${url.origin}${url.pathname}` === registered
}
