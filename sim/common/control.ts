import { timingSafeEqual, createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'

/** The control API's little router: plain http, one bearer token, JSON in and out; `/readyz` needs no token. */

export type ControlReply = { status: number; body?: unknown }
export type ControlCall = { params: readonly string[]; query: URLSearchParams; body: unknown }
export type ControlRoute = {
  method: 'GET' | 'POST' | 'DELETE'
  /** Anchored to the whole path; its groups become `params`. */
  path: RegExp
  handle: (call: ControlCall) => ControlReply | Promise<ControlReply>
}

/** Thrown by a handler for a call that cannot be read; answered as 400 with this text. */
export class BadCall extends Error {}

export const CONTROL_BODY_LIMIT_BYTES = 65_536

export function bearerMatches(header: string | undefined, token: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return header !== undefined && timingSafeEqual(digest(header), digest(`Bearer ${token}`))
}

/** Answers one call of the control API; false when the path is not the control API's. */
export async function answerControl(
  routes: readonly ControlRoute[],
  token: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  const url = new URL(request.url ?? '/', 'http://control')
  if (url.pathname === '/readyz') return send(response, { status: 200, body: { ready: true } })
  if (!url.pathname.startsWith('/control/')) return false
  if (!bearerMatches(request.headers.authorization, token))
    return send(response, { status: 401, body: { error: 'the control token is missing or wrong' } })
  const onPath = routes.filter((route) => route.path.test(url.pathname))
  const route = onPath.find((one) => one.method === request.method)
  if (route === undefined)
    return send(response, { status: onPath.length > 0 ? 405 : 404, body: { error: 'no such control call' } })
  try {
    const params = (route.path.exec(url.pathname) ?? []).slice(1).map((part) => decodeURIComponent(part))
    const text = await readText(request)
    const body: unknown = text === '' ? undefined : JSON.parse(text)
    return send(response, await route.handle({ params, query: url.searchParams, body }))
  } catch (error) {
    if (error instanceof BadCall || error instanceof SyntaxError || error instanceof URIError)
      return send(response, { status: 400, body: { error: error.message } })
    throw error
  }
}

export function controlServer(routes: readonly ControlRoute[], token: string): Server {
  return createServer((request, response) => {
    answerControl(routes, token, request, response)
      .then((mine) => {
        if (!mine) send(response, { status: 404, body: { error: 'no such control call' } })
      })
      .catch((error: unknown) => {
        if (!response.headersSent) send(response, { status: 500, body: { error: String(error) } })
      })
  })
}

async function readText(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of request) {
    if (!Buffer.isBuffer(part)) throw new BadCall('the body is read as bytes')
    size += part.length
    if (size > CONTROL_BODY_LIMIT_BYTES) throw new BadCall('the body is too large')
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

function send(response: ServerResponse, reply: ControlReply): true {
  const body = reply.body === undefined ? '' : JSON.stringify(reply.body)
  response.writeHead(reply.status, body === '' ? {} : { 'content-type': 'application/json' })
  response.end(body)
  return true
}
