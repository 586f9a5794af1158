import type { Pool } from 'undici'
import { z } from 'zod'
import type { Clock } from '../../domain/clock.ts'
import { readAnswer } from './answer.ts'

/** Client-credentials tokens (RFC 6749 §4.4), fetched by one caller at a time and kept until shortly before they expire. */
export type AccessTokens = {
  /** Null where none could be had. */
  get(signal: AbortSignal): Promise<string | null>
  /** Forgets a token the operator refused. */
  drop(token: string): void
}

export type ClientCredentials = { clientId: string; clientSecret: string }

const TokenAnswer = z.object({
  access_token: z.string().min(1).max(8_192),
  token_type: z.string().regex(/^bearer$/i),
  expires_in: z.number().int().positive(),
})

const TOKEN_PATH = '/oauth2/token'
const FETCH_TIMEOUT_MS = 5_000
/** A token is not used in its last seconds: a fifth of its life, 30 s at most. */
const EARLY_MS_MAX = 30_000

type Kept = { token: string; until: number }

export function makeAccessTokens(pool: Pool, client: ClientCredentials, scope: string, clock: Clock): AccessTokens {
  let kept: Kept | null = null
  let fetching: Promise<Kept | null> | null = null
  const basic = Buffer.from(`${encodeURIComponent(client.clientId)}:${encodeURIComponent(client.clientSecret)}`)
  const authorization = `Basic ${basic.toString('base64')}`

  const fetchToken = async (): Promise<Kept | null> => {
    const startedAt = clock.monotonic()
    const answer = await readAnswer(() =>
      pool.request({
        method: 'POST',
        path: TOKEN_PATH,
        headers: { authorization, 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
        body: new URLSearchParams({ grant_type: 'client_credentials', scope }).toString(),
        signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
      }),
    )
    const parsed = answer?.status === 200 ? TokenAnswer.safeParse(answer.json) : null
    if (parsed?.success !== true) return null
    const lifeMs = parsed.data.expires_in * 1_000
    return { token: parsed.data.access_token, until: startedAt + lifeMs - Math.min(EARLY_MS_MAX, lifeMs / 5) }
  }

  return {
    get: async (signal) => {
      if (kept !== null && clock.monotonic() < kept.until) return kept.token
      fetching ??= fetchToken().then((fresh) => {
        fetching = null
        kept = fresh
        return fresh
      })
      // The fetch has its own limit and serves every caller; one that gives up leaves it running.
      const fresh = await Promise.race([fetching, aborted(signal)])
      return fresh?.token ?? null
    },
    drop: (token) => {
      if (kept?.token === token) kept = null
    },
  }
}

function aborted(signal: AbortSignal): Promise<null> {
  if (signal.aborted) return Promise.resolve(null)
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(null), { once: true }))
}
