import { PROTOCOL_VERSION } from '../../contract/index.ts'

export const SOCKET_PATH = '/v1/socket'

export type Handshake = { url: string; origin: string | undefined; protocols: string | undefined }
export type Admission = { ok: true } | { ok: false; status: 400 | 403 | 404; message: string }

/**
 * Whether an upgrade request may become a socket. The subprotocol is required;
 * an Origin, where sent, must be on the exact list: there are no cookies, so a
 * foreign page gains nothing, and it should learn that at the door.
 */
export function admit(request: Handshake, allowedOrigins: ReadonlySet<string>): Admission {
  const path = request.url.split('?', 1)[0]
  if (path !== SOCKET_PATH) return { ok: false, status: 404, message: 'no such path' }
  if (request.origin !== undefined && !allowedOrigins.has(request.origin)) {
    return { ok: false, status: 403, message: 'this origin is not allowed' }
  }
  const offered = (request.protocols ?? '').split(',').map((name) => name.trim())
  if (!offered.includes(PROTOCOL_VERSION)) {
    return { ok: false, status: 400, message: `subprotocol ${PROTOCOL_VERSION} is required` }
  }
  return { ok: true }
}

/** Behind a balancer, whose connection is its own; any other is cut without a word, before it costs more. */
export const TOO_MANY = { status: 429, message: 'too many connections from this address' } as const
