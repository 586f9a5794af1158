import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Operator } from '../operators.ts'
import { findSession } from '../sessions.ts'
import type { OpsDeps } from './deps.ts'

/**
 * Who asks: a browser by its cookie, a command line by its bearer token. A cookie alone proves little of a request that
 * changes something, so such a one must also name the page it came from, by an Origin that is ours.
 */
export type Who = Operator & { token: string }

/** `__Host-`: set by this very host, over TLS; without TLS, which is development on loopback, browsers refuse the prefix. */
export const cookieName = (publicUrl: URL): string =>
  publicUrl.protocol === 'https:' ? '__Host-mooring-ops' : 'mooring-ops'

const TOKEN = /^[A-Za-z0-9_-]{43}$/

export async function whoAsks(deps: OpsDeps, request: FastifyRequest): Promise<Who | null> {
  const token = bearer(request) ?? cookie(request, cookieName(deps.publicUrl))
  if (token === null || !TOKEN.test(token)) return null
  const operator = await findSession(deps.sql, token)
  return operator === null ? null : { ...operator, token }
}

function bearer(request: FastifyRequest): string | null {
  return /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? null
}

function cookie(request: FastifyRequest, name: string): string | null {
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const [key = '', value = ''] = pair.trim().split('=', 2)
    if (key === name) return value
  }
  return null
}

/** For this browser session only; Strict: no other site's link or form carries it. */
export function setCookie(deps: OpsDeps, reply: FastifyReply, token: string | null): void {
  const secure = deps.publicUrl.protocol === 'https:' ? '; Secure' : ''
  const ended = token === null ? '; Max-Age=0' : ''
  void reply.header(
    'set-cookie',
    `${cookieName(deps.publicUrl)}=${token ?? ''}; Path=/; HttpOnly; SameSite=Strict${secure}${ended}`,
  )
}

/** Whether a request that changes something came from one of these pages, or from no browser. */
export function cameFrom(request: FastifyRequest, origins: readonly (string | null)[]): boolean {
  const { origin } = request.headers
  if (origin !== undefined) return origins.includes(origin)
  // Browsers name the origin of every POST; what names none shows itself by a token that no browser adds.
  return bearer(request) !== null || request.headers.cookie === undefined
}
