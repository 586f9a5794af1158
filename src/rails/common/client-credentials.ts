import { z } from 'zod'
import type { Clock } from '../../domain/clock.ts'
import type { PooledHttp } from './http-client.ts'

/** OAuth 2 client credentials (RFC 6749 §4.4): one token for every call, fetched by one caller at a time. */
export type BearerTokens = {
  /** Null where none could be had before `signal`. */
  get(signal: AbortSignal): Promise<string | null>
  /** Forgets a token that was refused. */
  drop(token: string): void
}

export type ClientCredentials = { clientId: string; clientSecret: string }

export type TokenClient = ClientCredentials & {
  /** Path of the token endpoint. */
  path: string
  scope?: string
}

const Grant = z.object({
  access_token: z.string().regex(/^[\x21-\x7e]{1,8192}$/),
  token_type: z.string().refine((type) => type.toLowerCase() === 'bearer'),
  expires_in: z.number().int().positive(),
})

const FETCH_TIMEOUT_MS = 5_000
/** A token is not used in the last fifth of its life, 30 s at most: a call may take 8 s. */
const MARGIN_MS_MAX = 30_000

export function makeBearerTokens(http: PooledHttp, client: TokenClient, clock: Clock): BearerTokens {
  let held: { token: string; untilMs: number } | null = null
  let asking: Promise<void> | null = null
  const words = [client.clientId, client.clientSecret].map((word) => encodeURIComponent(word)).join(':')
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    ...(client.scope === undefined ? {} : { scope: client.scope }),
  })
  const question = {
    method: 'POST' as const,
    path: client.path,
    headers: {
      authorization: `Basic ${Buffer.from(words).toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'application/json',
    },
    body: Buffer.from(form.toString()),
  }

  const ask = async (): Promise<void> => {
    const askedAtMs = clock.monotonic()
    const signal = AbortSignal.timeout(FETCH_TIMEOUT_MS)
    const came = await http.exchange(question, { signal, mayWrite: () => true })
    const grant = came.kind === 'reply' && came.reply.status === 200 ? readGrant(came.reply.body) : null
    if (grant === null) return
    const lifeMs = grant.expires_in * 1_000
    held = { token: grant.access_token, untilMs: askedAtMs + lifeMs - Math.min(lifeMs / 5, MARGIN_MS_MAX) }
  }

  const fresh = (): string | null => (held !== null && clock.monotonic() < held.untilMs ? held.token : null)

  return {
    get: async (signal) => {
      const token = fresh()
      if (token !== null) return token
      asking ??= ask().finally(() => {
        asking = null
      })
      // It has its own limit and serves every caller; one that gives up leaves it running.
      await Promise.race([asking, gaveUp(signal)])
      return fresh()
    },
    drop: (token) => {
      if (held?.token === token) held = null
    },
  }
}

function readGrant(body: Buffer): z.infer<typeof Grant> | null {
  try {
    return Grant.safeParse(JSON.parse(body.toString('utf8'))).data ?? null
  } catch {
    return null
  }
}

async function gaveUp(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
