import { setTimeout as sleep } from 'node:timers/promises'
import type { AnswerFault } from './faults/kinds.ts'
import { amountOf } from './money.ts'
import { Num, Raw, readJson, writeJson, type Json } from './json.ts'
import type { Payment, Refund } from './entry.ts'

/** What a request gets: a reply, or one of the ways of getting none. */
export type Reply = {
  kind: 'reply'
  status: number
  body: string | null
  contentType: string
  headers: Readonly<Record<string, string>>
}
export type Answer = Reply | { kind: 'reset' } | { kind: 'hang'; forMs: number }

const JSON_TYPE = 'application/json'

export function say(status: number, body: string | null, headers: Record<string, string> = {}): Reply {
  return { kind: 'reply', status, body, contentType: JSON_TYPE, headers }
}

/** ErrorInfo of CAMARA Commonalities. */
export function refuse(status: number, code: string, message: string): Reply {
  return say(status, writeJson({ status: new Num(String(status)), code, message }))
}

export const invalidArgument = (
  message = 'Client specified an invalid argument, request body or query param.',
): Reply => refuse(400, 'INVALID_ARGUMENT', message)
export const notFound = (): Reply => refuse(404, 'NOT_FOUND', 'The specified resource is not found.')
export const alreadyExists = (): Reply => refuse(409, 'ALREADY_EXISTS', 'The resource exists already.')

function gateway(status: number): Reply {
  return { kind: 'reply', status, body: 'gateway error\n', contentType: 'text/plain', headers: {} }
}

/** The answer of a fault that strikes before anything is executed, or null. */
export function before(fault: AnswerFault | null): Answer | null {
  switch (fault?.kind) {
    case 'drop_before':
      return { kind: 'reset' }
    case 'hang_before':
      return { kind: 'hang', forMs: fault.s * 1000 }
    case 'error_before':
      return gateway(fault.status)
    case 'outage':
      return fault.mode === '500'
        ? gateway(500)
        : fault.mode === 'hang'
          ? { kind: 'hang', forMs: 600_000 }
          : { kind: 'reset' }
    default:
      return null
  }
}

/** What becomes of the right reply under a fault that strikes after executing. */
export async function after(fault: AnswerFault | null, reply: Reply): Promise<Answer> {
  switch (fault?.kind) {
    case 'drop_after':
      return { kind: 'reset' }
    case 'hang_after':
      return { kind: 'hang', forMs: fault.s * 1000 }
    case 'error_after':
      return gateway(fault.status)
    case 'delay':
      await sleep(fault.ms)
      return reply
    case 'malformed':
      return malformed(reply, fault.mode)
    default:
      return reply
  }
}

/** Where the right answer has no body, only a page from a gateway in front can be wrong about it. */
function malformed(reply: Reply, mode: 'truncated' | 'html' | 'empty' | 'bad_schema' | 'wrong_type'): Reply {
  const page = '<html><body>Please try again later</body></html>'
  if (mode === 'html' || reply.body === null)
    return { ...reply, status: reply.body === null ? 200 : reply.status, contentType: 'text/html', body: page }
  if (mode === 'truncated') return { ...reply, body: reply.body.slice(0, Math.floor(reply.body.length / 2)) }
  if (mode === 'empty') return { ...reply, body: null }
  if (mode === 'wrong_type') return { ...reply, contentType: 'text/plain' }
  return { ...reply, body: '{"paymentId":42}' }
}

export const gatewayFault = (): Reply => gateway(500)

export type Wrong = 'amount' | 'currency' | 'reference' | null

/** The payment as the operator shows it, or, told wrong, with one member that is not so. */
export function paymentJson(payment: Payment, wrong: Wrong = null): string {
  return writeJson({ ...paymentMembers(payment, wrong) })
}

/** What prepare answers beside the payment: how to get it validated. */
export function preparedJson(payment: Payment, wrong: Wrong, validationUrl: string): string {
  const { authorizationId, code } = payment
  if (authorizationId === null) return paymentJson(payment, wrong)
  const validationInfo =
    code === null
      ? { action: 'open', validationURL: `${validationUrl}/${authorizationId}` }
      : { action: 'validate', authorizationId }
  return writeJson({ ...paymentMembers(payment, wrong), validationInfo })
}

function paymentMembers(payment: Payment, wrong: Wrong) {
  return {
    paymentId: payment.paymentId,
    amountTransaction: {
      phoneNumber: payment.phone,
      ...(payment.correlator === null ? {} : { clientCorrelator: payment.correlator }),
      paymentAmount: new Raw(toldAmount(payment.amountText, payment, wrong)),
      referenceCode: toldReference(payment.reference, wrong),
      resourceURL: `urn:payments:${payment.paymentId}`,
      serverReferenceCode: payment.serverReference,
    },
    paymentStatus: payment.status,
    paymentCreationDate: new Date(payment.createdAtMs).toISOString(),
    ...(payment.doneAtMs === null ? {} : { paymentDate: new Date(payment.doneAtMs).toISOString() }),
    ...(payment.sink === null ? {} : { sink: payment.sink }),
  }
}

export function refundJson(refund: Refund, wrong: Wrong = null): string {
  return writeJson({
    refundId: refund.refundId,
    refundStatus: refund.status,
    type: refund.type,
    refundCreationDate: new Date(refund.createdAtMs).toISOString(),
    ...(refund.doneAtMs === null ? {} : { refundDate: new Date(refund.doneAtMs).toISOString() }),
    ...(refund.reason === null ? {} : { reason: refund.reason }),
    ...(refund.sink === null ? {} : { sink: refund.sink }),
    amountTransaction: {
      ...(refund.correlator === null ? {} : { clientCorrelator: refund.correlator }),
      refundAmount: new Raw(toldAmount(refund.amountText, refund, wrong)),
      referenceCode: toldReference(refund.reference, wrong),
    },
  })
}

/** Of a refund that names no amount, another amount is told by naming one. */
function toldAmount(text: string, { amountMinor, currency }: Payment | Refund, wrong: Wrong): string {
  if (wrong !== 'amount' && wrong !== 'currency') return text
  const value: Json = readJson(text)?.value ?? {}
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Num) return text
  const told =
    wrong === 'amount'
      ? { amount: amountOf(amountMinor + 1n, currency), currency, description: 'told wrong' }
      : {
          amount: amountOf(amountMinor, currency),
          currency: currency === 'EUR' ? 'USD' : 'EUR',
          description: 'told wrong',
        }
  return writeJson({ ...value, chargingInformation: told })
}

function toldReference(reference: string, wrong: Wrong): string {
  return wrong === 'reference' ? `${reference.startsWith('X') ? 'Y' : 'X'}${reference.slice(1)}` : reference
}
