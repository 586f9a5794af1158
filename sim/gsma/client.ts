import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import type { SimClock } from '../common/clock.ts'

/** The operator's one client, as its file `client.json` has it. */
export const ClientFile = z.object({
  client_id: z.string().min(1),
  client_secret: z.string().min(16),
  /** What the client shows us, and what we show it with each callback. */
  api_key: z.string().min(16),
  callback_api_key: z.string().min(16),
  /** The client's own account, identifier type accountid. */
  account_id: z.string().min(1).max(64),
})
export type Client = z.infer<typeof ClientFile>

export const TOKEN_LIFETIME_S = 300
const TOKENS_MAX = 1_000

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
export const sameSecret = (a: string | undefined, b: string): boolean => timingSafeEqual(digest(a ?? ''), digest(b))

export type TokenReply = { status: 200 | 400 | 401; body: Readonly<Record<string, string | number>> }

/** Client credentials over HTTP Basic (RFC 6749 §2.3.1, §4.4). Tokens live shortly and die with the process. */
export class Tokens {
  readonly #expected: string
  readonly #clock: SimClock
  readonly #untilMs = new Map<string, number>()

  constructor({ client_id, client_secret }: Client, clock: SimClock) {
    const words = [client_id, client_secret].map(encodeURIComponent).join(':')
    this.#expected = `Basic ${Buffer.from(words).toString('base64')}`
    this.#clock = clock
  }

  issue(authorization: string | undefined, form: URLSearchParams): TokenReply {
    if (!sameSecret(authorization, this.#expected)) return { status: 401, body: { error: 'invalid_client' } }
    if (form.get('grant_type') !== 'client_credentials') {
      return { status: 400, body: { error: 'unsupported_grant_type' } }
    }
    const [oldest] = this.#untilMs.keys()
    if (this.#untilMs.size >= TOKENS_MAX && oldest !== undefined) this.#untilMs.delete(oldest)
    const access_token = randomBytes(24).toString('hex')
    this.#untilMs.set(access_token, this.#clock.nowMs() + TOKEN_LIFETIME_S * 1000)
    return { status: 200, body: { access_token, token_type: 'Bearer', expires_in: TOKEN_LIFETIME_S } }
  }

  accepts(authorization: string | undefined): boolean {
    const [scheme = '', token = ''] = (authorization ?? '').split(' ')
    return scheme.toLowerCase() === 'bearer' && this.#clock.nowMs() < (this.#untilMs.get(token) ?? 0)
  }
}
