import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { answerControl, type ControlRoute } from '../common/control.ts'
import type { Log } from '../common/log.ts'
import { answerApi } from './billing/api.ts'
import type { Desk } from './billing/calls.ts'
import type { Answer } from './billing/replies.ts'
import { apiError, BASE, SCOPE, sendCode, validateCode, type ApiReply } from './otp-sms.ts'
import type { Passwords } from './passwords.ts'
import { SCOPES, type Tokens } from './tokens.ts'

/** The operator's one port: token endpoint, APIs and control API. */

const BODY_LIMIT_BYTES = 16_384
const HANG_MS = 600_000
const CORRELATOR = /^[a-zA-Z0-9-_:;./<>{}]{0,256}$/

export type OperatorParts = {
  passwords: Passwords
  desk: Desk
  tokens: Tokens
  routes: readonly ControlRoute[]
  controlToken: string
  log: Log
}

export function operatorServer({ passwords, desk, tokens, routes, controlToken, log }: OperatorParts): Server {
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (await answerControl(routes, controlToken, request, response)) return
    const body = await readBody(request)
    if (passwords.clock.nowMs() < passwords.outage.untilMs) return inOutage(passwords.outage.mode, request, response)
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://operator')
    if (pathname === '/oauth2/token') return token(tokens, request, body, response)
    if (pathname === '/.well-known/openid-configuration') return discovery(request, response)
    const reply =
      body === null
        ? asAnswer(apiError(413, 'INVALID_ARGUMENT', 'The request body is too large.'))
        : ((await answerApi(desk, tokens, {
            method: request.method ?? '',
            path: pathname,
            query: searchParams,
            authorization: request.headers.authorization,
            correlator: request.headers['x-correlator'],
            contentType: request.headers['content-type'] ?? '',
            body,
          })) ?? asAnswer(await otp(passwords, tokens, request, pathname, body)))
    if (reply.kind === 'reply' && reply.status >= 400) log('refused', { path: pathname, status: reply.status })
    give(reply, request, response)
  }
  return createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      log('failed', { error: error instanceof Error ? error.message : String(error) })
      if (response.headersSent) response.destroy()
      else response.writeHead(500).end()
    })
  })
}

function give(answer: Answer, request: IncomingMessage, response: ServerResponse): void {
  if (answer.kind === 'reset') request.socket.resetAndDestroy()
  else if (answer.kind === 'hang') hang(request, answer.forMs)
  else {
    const { status, body, contentType } = answer
    const headers: Record<string, string> = { ...answer.headers }
    const correlator = request.headers['x-correlator']
    if (typeof correlator === 'string' && CORRELATOR.test(correlator)) headers['x-correlator'] = correlator
    if (body !== null) headers['content-type'] = contentType
    if (status === 429 || status === 503) headers['retry-after'] = '1'
    response.writeHead(status, headers)
    response.end(body ?? undefined)
  }
}

function asAnswer({ status, body }: ApiReply): Answer {
  const text = body === null ? null : JSON.stringify(body)
  return { kind: 'reply', status, body: text, contentType: 'application/json', headers: {} }
}

/** One-time passwords by SMS. */
async function otp(
  passwords: Passwords,
  tokens: Tokens,
  request: IncomingMessage,
  pathname: string,
  text: string,
): Promise<ApiReply> {
  const call = pathname === `${BASE}/send-code` ? sendCode : pathname === `${BASE}/validate-code` ? validateCode : null
  if (call === null) return apiError(404, 'NOT_FOUND', 'The specified resource is not found.')
  if (request.method !== 'POST') return apiError(405, 'METHOD_NOT_ALLOWED', 'The method is not allowed here.')
  const scopes = tokens.scopesOf(request.headers.authorization)
  if (scopes === null)
    return apiError(
      401,
      'UNAUTHENTICATED',
      'Request not authenticated due to missing, invalid, or expired credentials.',
    )
  if (!scopes.includes(SCOPE))
    return apiError(403, 'PERMISSION_DENIED', 'Client does not have sufficient permissions to perform this action.')
  const correlator = request.headers['x-correlator']
  if (correlator !== undefined && (typeof correlator !== 'string' || !CORRELATOR.test(correlator)))
    return apiError(400, 'INVALID_ARGUMENT', 'x-correlator has characters it may not have.')
  if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? ''))
    return apiError(
      415,
      'UNSUPPORTED_MEDIA_TYPE',
      'The server refuses to accept the request because of its payload format.',
    )
  return call(passwords, parseJson(text))
}

function token(tokens: Tokens, request: IncomingMessage, body: string | null, response: ServerResponse): void {
  const isForm = /^application\/x-www-form-urlencoded\s*(;|$)/i.test(request.headers['content-type'] ?? '')
  const reply =
    request.method === 'POST' && isForm && body !== null
      ? tokens.issue(request.headers.authorization, new URLSearchParams(body))
      : { status: 400, body: { error: 'invalid_request' } }
  const challenge: Record<string, string> = reply.status === 401 ? { 'www-authenticate': 'Basic realm="operator"' } : {}
  response.writeHead(reply.status, { 'content-type': 'application/json', 'cache-control': 'no-store', ...challenge })
  response.end(JSON.stringify(reply.body))
}

/** What a CAMARA client looks up instead of being told. */
function discovery(request: IncomingMessage, response: ServerResponse): void {
  const issuer = `http://${request.headers.host ?? 'localhost'}`
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(
    JSON.stringify({
      issuer,
      token_endpoint: `${issuer}/oauth2/token`,
      grant_types_supported: ['client_credentials'],
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
      scopes_supported: SCOPES,
    }),
  )
}

function inOutage(mode: 'refuse' | 'hang' | '500', request: IncomingMessage, response: ServerResponse): void {
  if (mode === '500') response.writeHead(500, { 'content-type': 'text/plain' }).end('gateway error\n')
  else if (mode === 'refuse') request.socket.destroy()
  else hang(request, HANG_MS)
}

function hang(request: IncomingMessage, forMs: number): void {
  const timer = setTimeout(() => request.socket.destroy(), forMs)
  request.socket.once('close', () => clearTimeout(timer))
}

/** null when it is longer than any request of these APIs. */
async function readBody(request: IncomingMessage): Promise<string | null> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of request) {
    if (!Buffer.isBuffer(part)) throw new TypeError('the body is read as bytes')
    size += part.length
    if (size <= BODY_LIMIT_BYTES) parts.push(part)
  }
  return size > BODY_LIMIT_BYTES ? null : Buffer.concat(parts).toString('utf8')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
