import { setTimeout as sleep } from 'node:timers/promises'
import { assertNever } from '../common/never.ts'
import type { OrderFault } from './faults/kinds.ts'
import type { TransactionStatus } from './wire/report.ts'
import { statusReport } from './wire/report.ts'

/** What a request gets: a reply, or one of the ways of getting none. */

export type BadSignature = Extract<OrderFault, { kind: 'bad_signature' }>['mode']

export type Reply = {
  kind: 'reply'
  status: number
  /** null with an empty body, as for 204. */
  contentType: string | null
  body: string
  headers: Readonly<Record<string, string>>
  /** `none` is what a gateway in front of the bank says: it has no key. */
  signature: 'right' | 'none' | BadSignature
}
export type Answer = Reply | { kind: 'reset' } | { kind: 'hang'; forMs: number }

export function xmlReply(status: number, body: string): Reply {
  return { kind: 'reply', status, contentType: 'application/xml', body, headers: {}, signature: 'right' }
}

export function jsonReply(status: number, body: unknown): Reply {
  return {
    kind: 'reply',
    status,
    contentType: 'application/json',
    body: JSON.stringify(body),
    headers: {},
    signature: 'right',
  }
}

export function gatewayReply(status: number): Reply {
  const headers: Record<string, string> = status === 503 || status === 429 ? { 'retry-after': '1' } : {}
  return { kind: 'reply', status, contentType: 'text/plain', body: 'gateway error\n', headers, signature: 'none' }
}

/** The answer of a fault that strikes before anything is executed, or null. */
export function answerBefore(fault: OrderFault | null): Answer | null {
  if (fault?.kind === 'drop_before') return { kind: 'reset' }
  if (fault?.kind === 'hang_before') return { kind: 'hang', forMs: fault.s * 1000 }
  if (fault?.kind === 'error_before') return gatewayReply(fault.status)
  if (fault?.kind === 'outage') return answerInOutage(fault.mode)
  return null
}

export function answerInOutage(mode: 'refuse' | 'hang' | '500'): Answer {
  if (mode === 'refuse') return { kind: 'reset' }
  return mode === 'hang' ? { kind: 'hang', forMs: 600_000 } : gatewayReply(500)
}

/** What becomes of the right reply under a fault that strikes after executing. */
export async function answerAfter(fault: OrderFault | null, reply: Reply): Promise<Answer> {
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
    case 'bad_signature':
      return { ...reply, signature: fault.mode }
    case 'malformed':
      return malformed(reply, fault.mode)
    default:
      return reply
  }
}

function malformed(reply: Reply, mode: Extract<OrderFault, { kind: 'malformed' }>['mode']): Reply {
  switch (mode) {
    case 'truncated':
      return { ...reply, body: reply.body.slice(0, Math.floor(reply.body.length / 2)) }
    case 'html':
      return {
        ...reply,
        contentType: 'text/html',
        body: '<html><body>Please try again later</body></html>',
        signature: 'none',
      }
    case 'empty':
      return { ...reply, body: '' }
    case 'bad_schema':
      // The mandatory group header is gone: well-formed, signed, and no pacs.002
      return { ...reply, body: reply.body.replace(/<GrpHdr>.*<\/GrpHdr>/s, '') }
    case 'wrong_type':
      return { ...reply, contentType: 'application/json' }
    default:
      return assertNever(mode)
  }
}

/** A report about a payment that was executed right and is told wrong. */
export function alterReport(about: TransactionStatus, field: 'amount' | 'currency' | 'reference'): TransactionStatus {
  switch (field) {
    case 'amount':
      return about.amount === null ? about : { ...about, amount: { ...about.amount, minor: about.amount.minor + 1n } }
    case 'currency': {
      if (about.amount === null) return about
      return { ...about, amount: { ...about.amount, currency: about.amount.currency === 'EUR' ? 'USD' : 'EUR' } }
    }
    case 'reference': {
      const reference = `${about.original.reference.startsWith('X') ? 'Y' : 'X'}${about.original.reference.slice(1)}`
      return { ...about, original: { ...about.original, reference, endToEndId: reference } }
    }
    default:
      return assertNever(field)
  }
}

export function reportReply(nowMs: number, about: TransactionStatus): Reply {
  return xmlReply(about.status === 'PDNG' ? 202 : 200, statusReport(nowMs, about))
}
