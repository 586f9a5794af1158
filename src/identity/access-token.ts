import { compactVerify, SignJWT } from 'jose'
import { z } from 'zod'
import type { IdentityKeys } from './keys.ts'
import { IDENTITY_LIMITS } from './limits.ts'

/** Who issued it and for whom: fixed, and all are ours. A phone's token is never taken for a merchant's (RFC 8725 §3.9). */
const ISSUER = 'mooring:hub'
const AUDIENCE = { phone: 'mooring:api', merchant: 'mooring:merchant-socket' } as const
const TYP = 'at+jwt' // RFC 9068 §2.1

const Common = z.object({ iss: z.literal(ISSUER), env: z.enum(['test', 'live']), sub: z.string(), exp: z.number() })
const Claims = z.discriminatedUnion('aud', [
  Common.extend({ aud: z.literal(AUDIENCE.phone), dev: z.string(), cnf: z.object({ jkt: z.string() }) }),
  Common.extend({ aud: z.literal(AUDIENCE.merchant), key: z.string(), store: z.string().optional() }),
])

export type AccessToken = { user: string; device: string; jkt: string; expiresAtMs: number }

/** `store`: null for all of the merchant's. `key`: hash of the secret key that it was asked for with, and ends with. */
export type MerchantToken = { merchant: string; store: string | null; key: string; expiresAtMs: number }

export type OurToken = ({ holder: 'phone' } & AccessToken) | ({ holder: 'merchant' } & MerchantToken)

/** A token bound to a device's key: worthless without a proof by that key (RFC 7800, cnf). */
export async function issueAccessToken(
  keys: IdentityKeys,
  env: 'test' | 'live',
  holder: { user: string; device: string; jkt: string },
  nowMs: number,
): Promise<string> {
  const token = new SignJWT({ env, dev: holder.device, cnf: { jkt: holder.jkt } })
  return sign(
    keys,
    token.setAudience(AUDIENCE.phone).setSubject(holder.user),
    nowMs,
    IDENTITY_LIMITS.access_token_ttl_s,
  )
}

/** What a merchant's socket opens with. It binds to no key, so it lets its bearer hear and do nothing else. */
export async function issueMerchantToken(
  keys: IdentityKeys,
  env: 'test' | 'live',
  holder: { merchant: string; store: string | null; key: string },
  nowMs: number,
): Promise<string> {
  const { key, merchant, store } = holder
  const token = new SignJWT({ env, key, ...(store === null ? {} : { store }) })
  return sign(
    keys,
    token.setAudience(AUDIENCE.merchant).setSubject(merchant),
    nowMs,
    IDENTITY_LIMITS.socket_token_ttl_s,
  )
}

function sign(keys: IdentityKeys, token: SignJWT, nowMs: number, ttl_s: number): Promise<string> {
  const iat = Math.floor(nowMs / 1_000)
  return token
    .setProtectedHeader({ alg: 'ES256', typ: TYP, kid: keys.token.kid })
    .setIssuer(ISSUER)
    .setIssuedAt(iat)
    .setExpirationTime(iat + ttl_s)
    .sign(keys.token.sign)
}

/** What a token of ours says, its signature verified; null for any other text. Its expiry is the caller's to check. */
export async function readToken(keys: IdentityKeys, env: 'test' | 'live', token: string): Promise<OurToken | null> {
  if (token.length > IDENTITY_LIMITS.token_bytes) return null
  try {
    const { payload, protectedHeader } = await compactVerify(token, keys.token.verify, { algorithms: ['ES256'] })
    if (protectedHeader.typ !== TYP || protectedHeader.kid !== keys.token.kid) return null
    const claims = Claims.parse(JSON.parse(new TextDecoder().decode(payload)))
    if (claims.env !== env) return null
    const expiresAtMs = claims.exp * 1_000
    if (claims.aud === AUDIENCE.merchant) {
      const { key, store = null, sub: merchant } = claims
      return { holder: 'merchant', merchant, store, key, expiresAtMs }
    }
    return { holder: 'phone', user: claims.sub, device: claims.dev, jkt: claims.cnf.jkt, expiresAtMs }
  } catch {
    return null
  }
}
