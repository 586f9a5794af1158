import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { SimClock } from '../common/clock.ts'

/** OAuth 2 client credentials (RFC 6749 §4.4). Tokens live shortly and die with the process: a client asks again. */

export const TOKEN_LIFETIME_S = 300
export const SCOPES: readonly string[] = [
  'one-time-password-sms:send-validate',
  'carrier-billing:payments:create',
  'carrier-billing:payments:write',
  'carrier-billing:payments:read',
  'carrier-billing-refund:refunds:create',
  'carrier-billing-refund:refunds:read',
  'sim-swap:retrieve-date',
]
const TOKENS_KEPT = 10_000

export const ClientFile = z.object({ client_id: z.string().min(1), client_secret: z.string().min(16) })
export type Client = z.infer<typeof ClientFile>

export type TokenReply = { status: number; body: Readonly<Record<string, string | number>> }

export class Tokens {
  readonly #client: Client
  readonly #clock: SimClock
  readonly #issued = new Map<string, { scopes: readonly string[]; untilMs: number }>()

  constructor(client: Client, clock: SimClock) {
    this.#client = client
    this.#clock = clock
  }

  /** Answers the token endpoint; credentials by Basic or in the form, never both (RFC 6749 §2.3). */
  issue(authorization: string | undefined, form: URLSearchParams): TokenReply {
    const refuse = (status: number, error: string): TokenReply => ({ status, body: { error } })
    const given = credentials(authorization, form)
    if (given === null) return refuse(401, 'invalid_client')
    const known = same(given.id, this.#client.client_id)
    if (!same(given.secret, this.#client.client_secret) || !known) return refuse(401, 'invalid_client')
    if (form.get('grant_type') !== 'client_credentials') return refuse(400, 'unsupported_grant_type')
    const asked = form.get('scope')?.split(' ') ?? SCOPES
    if (asked.some((scope) => !SCOPES.includes(scope))) return refuse(400, 'invalid_scope')
    const token = randomBytes(32).toString('base64url')
    this.#forget()
    this.#issued.set(token, { scopes: asked, untilMs: this.#clock.nowMs() + TOKEN_LIFETIME_S * 1000 })
    return {
      status: 200,
      body: { access_token: token, token_type: 'Bearer', expires_in: TOKEN_LIFETIME_S, scope: asked.join(' ') },
    }
  }

  /** Scopes of a live token, null for any other. */
  scopesOf(authorization: string | undefined): readonly string[] | null {
    const token = /^Bearer ([A-Za-z0-9._~+/=-]{1,512})$/i.exec(authorization ?? '')?.[1]
    const issued = token === undefined ? undefined : this.#issued.get(token)
    return issued === undefined || this.#clock.nowMs() > issued.untilMs ? null : issued.scopes
  }

  #forget(): void {
    for (const [token, { untilMs }] of this.#issued) {
      if (untilMs > this.#clock.nowMs() && this.#issued.size < TOKENS_KEPT) return
      this.#issued.delete(token)
    }
  }
}

function credentials(authorization: string | undefined, form: URLSearchParams): { id: string; secret: string } | null {
  if (authorization === undefined) {
    const id = form.get('client_id')
    const secret = form.get('client_secret')
    return id === null || secret === null ? null : { id, secret }
  }
  const basic = /^Basic ([A-Za-z0-9+/]+=*)$/i.exec(authorization)?.[1]
  if (basic === undefined || form.has('client_secret')) return null
  const [id = '', secret = ''] = Buffer.from(basic, 'base64').toString('utf8').split(':', 2)
  try {
    return { id: decodeURIComponent(id), secret: decodeURIComponent(secret) }
  } catch {
    return null
  }
}

function same(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}
