import type { Tokens } from '../tokens.ts'
import { simSwapDate } from '../sim-swap.ts'
import { wrongOf, type Desk } from './calls.ts'
import type { Payment, Refund } from './entry.ts'
import { chooseFaults, type Chosen } from './faults/choose.ts'
import { listPayments, listRefunds } from './lists.ts'
import { cancelPayment, confirmPayment, openPayment, validatePayment } from './payments.ts'
import { openRefund, remainingAmount } from './refunds.ts'
import {
  after,
  before,
  gatewayFault,
  invalidArgument,
  notFound,
  paymentJson,
  refundJson,
  refuse,
  say,
  type Answer,
  type Reply,
} from './replies.ts'
import { statementOf } from './statement.ts'

/** Carrier billing, refunds, statements and SIM swap: who may make which call, and who answers it. */

export type ApiRequest = {
  method: string
  path: string
  query: URLSearchParams
  authorization: string | undefined
  correlator: string | string[] | undefined
  contentType: string
  body: string
}

type Asked = { id: string; second: string; query: URLSearchParams; body: string }
type Handler = (desk: Desk, asked: Asked) => Answer | Promise<Answer>
type Route = { method: string; path: RegExp; scope: string; handle: Handler }

const CORRELATOR = /^[a-zA-Z0-9-_:;./<>{}]{0,256}$/
const JSON_TYPE = /^application\/json\s*(;|$)/i
const PAYMENTS = '/carrier-billing/v0.5/payments'
const REFUNDS = '/carrier-billing-refund/v0.3/payments'
const CREATE = 'carrier-billing:payments:create'
const WRITE = 'carrier-billing:payments:write'
const READ = 'carrier-billing:payments:read'
const REFUND_CREATE = 'carrier-billing-refund:refunds:create'
const REFUND_READ = 'carrier-billing-refund:refunds:read'

/** `:id` stands for one segment. */
const route = (method: string, path: string, scope: string, handle: Handler): Route => ({
  method,
  path: new RegExp(`^${path.replaceAll('.', String.raw`\.`).replaceAll(':id', '([^/]{1,128})')}$`),
  scope,
  handle,
})

const ROUTES: readonly Route[] = [
  route('POST', PAYMENTS, CREATE, (desk, { body }) => openPayment(desk, false, body)),
  route('POST', `${PAYMENTS}/prepare`, CREATE, (desk, { body }) => openPayment(desk, true, body)),
  route('POST', `${PAYMENTS}/:id/validate`, WRITE, (desk, { id, body }) => validatePayment(desk, id, body)),
  route('POST', `${PAYMENTS}/:id/confirm`, WRITE, (desk, { id, body }) => confirmPayment(desk, id, body)),
  route('POST', `${PAYMENTS}/:id/cancel`, WRITE, (desk, { id, body }) => cancelPayment(desk, id, body)),
  route('GET', PAYMENTS, READ, (desk, { query }) => question(desk, null, () => listPayments(desk.book, query))),
  route('GET', `${PAYMENTS}/:id`, READ, (desk, { id }) => {
    const payment = desk.book.payments.get(id)
    return payment === undefined
      ? notFound()
      : question(desk, payment, (chosen) => say(200, paymentJson(payment, wrongOf(chosen))))
  }),
  route('POST', `${REFUNDS}/:id/refunds`, REFUND_CREATE, (desk, { id, body }) => openRefund(desk, id, body)),
  route('GET', `${REFUNDS}/:id/refunds`, REFUND_READ, (desk, { id, query }) => {
    const payment = desk.book.payments.get(id)
    return payment === undefined ? notFound() : question(desk, null, () => listRefunds(desk.book, payment, query))
  }),
  route('GET', `${REFUNDS}/:id/refunds/remaining-amount`, REFUND_READ, (desk, { id }) => {
    const payment = desk.book.payments.get(id)
    return payment === undefined ? notFound() : question(desk, null, () => remainingAmount(desk.book, payment))
  }),
  route('GET', `${REFUNDS}/:id/refunds/:id`, REFUND_READ, (desk, { id, second }) => {
    const refund = desk.book.refunds.get(second)
    return refund?.paymentId !== id
      ? notFound()
      : question(desk, refund, (chosen) => say(200, refundJson(refund, wrongOf(chosen))))
  }),
  route('GET', '/carrier-billing/statements/:id', READ, async ({ book }, { id }) => {
    if (!/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(id) || Number.isNaN(Date.parse(id))) return invalidArgument()
    await book.durable()
    const text = statementOf(book, id)
    return text === null ? say(202, null) : { ...say(200, text), contentType: 'application/x-ndjson' }
  }),
  route('POST', '/sim-swap/v1/retrieve-date', 'sim-swap:retrieve-date', ({ book }, { body }) =>
    simSwapDate(book, body),
  ),
]

/** null where the path belongs to none of these APIs. */
export async function answerApi(desk: Desk, tokens: Tokens, request: ApiRequest): Promise<Answer | null> {
  const onPath = ROUTES.filter(({ path }) => path.test(request.path))
  if (onPath.length === 0) return null
  const found = onPath.find(({ method }) => method === request.method)
  if (found === undefined) return refuse(405, 'METHOD_NOT_ALLOWED', 'The method is not allowed here.')
  const scopes = tokens.scopesOf(request.authorization)
  if (scopes === null)
    return refuse(401, 'UNAUTHENTICATED', 'Request not authenticated due to missing, invalid, or expired credentials.')
  if (!scopes.includes(found.scope))
    return refuse(403, 'PERMISSION_DENIED', 'Client does not have sufficient permissions to perform this action.')
  const { correlator } = request
  if (correlator !== undefined && (typeof correlator !== 'string' || !CORRELATOR.test(correlator)))
    return invalidArgument('x-correlator has characters it may not have.')
  if (found.method === 'POST' && !JSON_TYPE.test(request.contentType))
    return refuse(415, 'UNSUPPORTED_MEDIA_TYPE', 'The server refuses the payload format.')
  const [, id = '', second = ''] = found.path.exec(request.path) ?? []
  return found.handle(desk, { id, second, query: request.query, body: request.body })
}

/** A question moves nothing; it may still be answered badly, and never tells what is not on disk yet. */
async function question(
  desk: Desk,
  about: Payment | Refund | null,
  answer: (chosen: Chosen) => Reply,
): Promise<Answer> {
  const { book } = desk
  const reference = about?.reference ?? ''
  const subject = { reference, phone: about?.phone ?? '', amountMinor: about?.amountMinor ?? null }
  const chosen = chooseFaults(book, { operation: 'inquire', step: null, ...subject, arrival: 1 })
  if (chosen.usedRules.length > 0) book.record({ usedRules: chosen.usedRules })
  await book.durable()
  if (chosen.answer?.kind === 'outage') await desk.beginOutage(chosen.answer)
  const early = before(chosen.answer)
  if (early !== null) return early
  const trouble = (about === null ? null : book.troubleOf(reference)) ?? chosen.inquiry?.kind ?? null
  if (trouble === 'inquiry_fail') return gatewayFault()
  if (trouble === 'inquiry_lag') return notFound()
  return after(chosen.answer, answer(chosen))
}
