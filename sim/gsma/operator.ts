import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { giveAnswer, jsonReply, outageAnswer, type JsonAnswer } from '../common/answer.ts'
import { answerControl, type ControlRoute } from '../common/control.ts'
import type { Log } from '../common/log.ts'
import { answerAccount, type AccountView } from './accounts.ts'
import type { Book } from './book.ts'
import { sameSecret, type Client, type Tokens } from './client.ts'
import type { Inquiries } from './inquiries.ts'
import type { OrderPath, Payments } from './payments.ts'
import { entryView, linesOf } from './statement.ts'
import { errorReply, invalid, type WireError } from './wire/error.ts'

/** The operator's one port: token endpoint, API and control API. */

export const BASE = '/v1.2/mm'
const BODY_LIMIT_BYTES = 65_536
const NOT_FOUND: WireError = { category: 'identification', code: 'identifierError' }
const UNAUTHORISED: WireError = { category: 'authorisation', code: 'clientAuthorisationError' }

export type OperatorParts = {
  book: Book
  client: Client
  tokens: Tokens
  payments: Payments
  inquiries: Inquiries
  /** Null where control has a port of its own. */
  control: { routes: readonly ControlRoute[]; token: string } | null
  /** An order began an outage. */
  outageChanged: () => Promise<void>
  log: Log
}

export function operatorServer(parts: OperatorParts): Server {
  const { book, control, log } = parts
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (control !== null && (await answerControl(control.routes, control.token, request, response))) return
    const body = await bodyOf(request)
    const { outage } = book.state
    const out = book.clock.nowMs() < outage.untilMs
    const answer = out ? outageAnswer(outage.mode) : await answerTo(parts, request, body)
    if (book.state.outage !== outage) await parts.outageChanged()
    if (answer.kind === 'reply') {
      if (answer.status >= 400) log('refused', { path: pathOf(request), status: answer.status })
      const headers = { ...answer.headers, 'x-date': new Date(book.clock.nowMs()).toISOString() }
      giveAnswer({ ...answer, headers }, request, response)
    } else giveAnswer(answer, request, response)
  }
  return createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      log('failed', { error: error instanceof Error ? error.message : String(error) })
      if (!response.headersSent) response.writeHead(500)
      response.end()
    })
  })
}

const pathOf = ({ url }: IncomingMessage): string => new URL(url ?? '/', 'http://operator').pathname

async function answerTo(parts: OperatorParts, request: IncomingMessage, body: Buffer | null): Promise<JsonAnswer> {
  const { client, tokens, book } = parts
  const nowMs = book.clock.nowMs()
  if (body === null) return jsonReply(413, { error: 'the body is too large' })
  if (pathOf(request) === '/oauth2/token') {
    const reply = tokens.issue(request.headers.authorization, new URLSearchParams(body.toString('utf8')))
    return jsonReply(reply.status, reply.body, { 'cache-control': 'no-store' })
  }
  const apiKey = request.headers['x-api-key']
  const known = sameSecret(typeof apiKey === 'string' ? apiKey : undefined, client.api_key)
  if (!tokens.accepts(request.headers.authorization) || !known) return errorReply(UNAUTHORISED, nowMs)
  const answer = await route(parts, request, body)
  return answer ?? errorReply(NOT_FOUND, nowMs)
}

const ACCOUNT_VIEWS: readonly string[] = [
  'balance',
  'status',
  'transactions',
  'statemententries',
] satisfies AccountView[]
const isAccountView = (word: string): word is AccountView => ACCOUNT_VIEWS.includes(word)

/** Null for a path or method this operator does not have. */
async function route(parts: OperatorParts, request: IncomingMessage, body: Buffer): Promise<JsonAnswer | null> {
  const { payments, inquiries, book, client } = parts
  const url = new URL(request.url ?? '/', 'http://operator')
  if (!url.pathname.startsWith(`${BASE}/`)) return null
  const words = url.pathname
    .slice(BASE.length + 1)
    .split('/')
    .map(decoded)
  if (words.includes(null)) return errorReply(invalid('formatError', 'path', url.pathname), book.clock.nowMs())
  const [first = '', second = '', third = '', fourth, ...more] = words.filter((word) => word !== null)
  if (more.length > 0) return null

  if (request.method === 'POST') {
    const path = fourth === undefined && first === 'transactions' ? orderPath(second, third) : null
    return path === null ? null : payments.take({ path, headers: request.headers, body })
  }
  if (request.method !== 'GET') return null
  if (first === 'accounts') {
    const pair = second.split('@')
    const [type, account, view] = pair.length === 2 ? [pair[0], pair[1], third] : [second, third, fourth]
    if (type !== 'accountid' || account === undefined || view === undefined || !isAccountView(view)) return null
    const reply = answerAccount(book, client.account_id, { account, view, query: url.searchParams })
    await book.durable()
    return reply
  }
  if (third !== '') return null
  switch (first) {
    case 'requeststates':
      return inquiries.requestState(second)
    case 'responses':
      return inquiries.response(second.toLowerCase())
    case 'transactions':
      return inquiries.transaction(second)
    case 'statemententries': {
      const lines = linesOf(book.state, client.account_id, book.clock.nowMs())
      const line = lines.find(({ entry, view }) => entry && view['transactionReference'] === second)
      return line === undefined ? null : jsonReply(200, entryView(line.view))
    }
    case 'heartbeat':
      return second === '' ? jsonReply(200, { serviceStatus: 'available' }) : null
    default:
      return null
  }
}

function orderPath(second: string, third: string): OrderPath | null {
  if (second === 'type' && (third === 'merchantpay' || third === 'disbursement'))
    return { kind: 'transaction', type: third }
  return third === 'reversals' ? { kind: 'reversal', of: second } : null
}

function decoded(word: string): string | null {
  try {
    return decodeURIComponent(word)
  } catch {
    return null
  }
}

/** Null when it is longer than any request of this API; the rest of it is read and dropped. */
async function bodyOf(request: IncomingMessage): Promise<Buffer | null> {
  let bytes = Buffer.alloc(0)
  let isLong = false
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError('the body is read as bytes')
    isLong ||= bytes.length + chunk.length > BODY_LIMIT_BYTES
    if (!isLong) bytes = Buffer.concat([bytes, chunk])
  }
  return isLong ? null : bytes
}
