import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { OrderFault } from './faults/kinds.ts'

/** What a request to an operator gets: a reply in JSON, or one of the ways of getting none. */

export type JsonReply = {
  kind: 'reply'
  status: number
  contentType: string
  body: string
  headers: Readonly<Record<string, string>>
}
export type JsonAnswer = JsonReply | { kind: 'reset' } | { kind: 'hang'; forMs: number }

const JSON_TYPE = 'application/json; charset=utf-8'
const OUTAGE_HANG_MS = 600_000

export function jsonReply(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): JsonReply {
  return { kind: 'reply', status, contentType: JSON_TYPE, body: JSON.stringify(body), headers }
}

/** What a gateway in front of the operator says. */
export function gatewayReply(status: number): JsonReply {
  return { kind: 'reply', status, contentType: 'text/plain', body: 'gateway error\n', headers: {} }
}

export function outageAnswer(mode: 'refuse' | 'hang' | '500'): JsonAnswer {
  switch (mode) {
    case 'refuse':
      return { kind: 'reset' }
    case 'hang':
      return { kind: 'hang', forMs: OUTAGE_HANG_MS }
    default:
      return gatewayReply(500)
  }
}

/** The answer of a fault that strikes before anything is executed; null for the others. */
export function strikeBefore(fault: OrderFault | null): JsonAnswer | null {
  switch (fault?.kind) {
    case 'drop_before':
      return { kind: 'reset' }
    case 'hang_before':
      return { kind: 'hang', forMs: fault.s * 1000 }
    case 'error_before':
      return gatewayReply(fault.status)
    case 'outage':
      return outageAnswer(fault.mode)
    default:
      return null
  }
}

/** What becomes of the right reply under a fault that strikes after executing. `required`: a member no reader may do without. */
export async function strikeAfter(fault: OrderFault | null, reply: JsonReply, required: string): Promise<JsonAnswer> {
  switch (fault?.kind) {
    case 'drop_after':
      return { kind: 'reset' }
    case 'hang_after':
      return { kind: 'hang', forMs: fault.s * 1000 }
    case 'error_after':
      return gatewayReply(fault.status)
    case 'delay':
      await sleep(fault.ms)
      return reply
    case 'malformed':
      return spoilt(reply, fault.mode, required)
    default:
      return reply
  }
}

type MalformedMode = Extract<OrderFault, { kind: 'malformed' }>['mode']

function spoilt(reply: JsonReply, mode: MalformedMode, required: string): JsonReply {
  const { body } = reply
  const html = '<html><body>Please try again later</body></html>'
  const ways: Record<MalformedMode, Partial<JsonReply>> = {
    truncated: { body: body.slice(0, Math.floor(body.length / 2)) },
    html: { body: html, contentType: 'text/html' },
    empty: { body: '' },
    bad_schema: { body: body.replaceAll(`"${required}":`, `"${required}_":`) },
    wrong_type: { contentType: 'text/plain' },
  }
  return { ...reply, ...ways[mode] }
}

export function giveAnswer(answer: JsonAnswer, request: IncomingMessage, response: ServerResponse): void {
  const { socket } = request
  if (answer.kind === 'reset') {
    socket.resetAndDestroy()
    return
  }
  if (answer.kind === 'hang') {
    const cut = setTimeout(() => socket.destroy(), answer.forMs)
    socket.once('close', () => clearTimeout(cut))
    return
  }
  if (response.destroyed) return
  const { status, contentType, headers, body } = answer
  response.writeHead(status, { ...(body === '' ? {} : { 'content-type': contentType }), ...headers })
  response.end(body)
}
