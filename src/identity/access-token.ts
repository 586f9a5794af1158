import { compactVerify, SignJWT } from 'jose'
import { z } from 'zod'
import type { IdentityKeys } from './keys.ts'
import { IDENTITY_LIMITS } from './limits.ts'

/** Who issued it and for whom: fixed, and both are ours. */
const ISSUER = 'mooring:hub'
const AUDIENCE = 'mooring:api'
const TYP = 'at+jwt' // RFC 9068 §2.1

const Claims = z.object({
  iss: z.literal(ISSUER),
  aud: z.literal(AUDIENCE),
  env: z.enum(['test', 'live']),
  sub: z.string(),
  dev: z.string(),
  cnf: z.object({ jkt: z.string() }),
  exp: z.number(),
})

export type AccessToken = { user: string; device: string; jkt: string; expiresAtMs: number }

/** A token bound to a device's key: worthless without a proof by that key (RFC 7800, cnf). */
export async function issueAccessToken(
  keys: IdentityKeys,
  env: 'test' | 'live',
  holder: { user: string; device: string; jkt: string },
  nowMs: number,
): Promise<string> {
  const iat = Math.floor(nowMs / 1_000)
  return new SignJWT({ env, dev: holder.device, cnf: { jkt: holder.jkt } })
    .setProtectedHeader({ alg: 'ES256', typ: TYP, kid: keys.token.kid })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setSubject(holder.user)
    .setIssuedAt(iat)
    .setExpirationTime(iat + IDENTITY_LIMITS.access_token_ttl_s)
    .sign(keys.token.sign)
}

/** What a token of ours says, its signature verified; null for any other text. Its expiry is the caller's to check. */
export async function readAccessToken(
  keys: IdentityKeys,
  env: 'test' | 'live',
  token: string,
): Promise<AccessToken | null> {
  if (token.length > IDENTITY_LIMITS.token_bytes) return null
  try {
    const { payload, protectedHeader } = await compactVerify(token, keys.token.verify, { algorithms: ['ES256'] })
    if (protectedHeader.typ !== TYP || protectedHeader.kid !== keys.token.kid) return null
    const claims = Claims.parse(JSON.parse(new TextDecoder().decode(payload)))
    if (claims.env !== env) return null
    return { user: claims.sub, device: claims.dev, jkt: claims.cnf.jkt, expiresAtMs: claims.exp * 1_000 }
  } catch {
    return null
  }
}
