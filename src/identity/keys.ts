import { webcrypto } from 'node:crypto'
import { z } from 'zod'
import { readKeyFile } from '../config/env.ts'

/** WebCrypto's key, named once here. */
export type VerifyKey = webcrypto.CryptoKey

export type IdentityKeys = {
  /** Signs and verifies access tokens (ES256). */
  token: { kid: string; sign: webcrypto.CryptoKey; verify: VerifyKey }
  /** HMAC key under which merchants' keys, used passwords and PINs are stored. */
  pepper: Uint8Array
}

const ES256 = { name: 'ECDSA', namedCurve: 'P-256' } as const

const TokenJwk = z.object({
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  x: z.string(),
  y: z.string(),
  d: z.string(),
  kid: z.string().min(1),
})

/** Reads `tokens.jwk.json` and `pepper.key` of the hub's keys; throws where one is missing or ill-formed. */
export async function readIdentityKeys(dir: string): Promise<IdentityKeys> {
  const { kid, ...jwk } = TokenJwk.parse(JSON.parse(readKeyFile(dir, 'tokens.jwk.json')))
  return {
    token: {
      kid,
      sign: await webcrypto.subtle.importKey('jwk', jwk, ES256, false, ['sign']),
      verify: await importDeviceKey(jwk),
    },
    pepper: readPepper(dir),
  }
}

export function readPepper(dir: string): Uint8Array {
  const pepper = Buffer.from(readKeyFile(dir, 'pepper.key'), 'base64url')
  if (pepper.length < 32) throw new Error('pepper.key must hold at least 32 bytes, base64url')
  return pepper
}

/** A P-256 public key ready to verify with; rejects where the point is not on the curve. */
export async function importDeviceKey(jwk: { kty: 'EC'; crv: 'P-256'; x: string; y: string }): Promise<VerifyKey> {
  const { kty, crv, x, y } = jwk
  return webcrypto.subtle.importKey('jwk', { kty, crv, x, y }, ES256, true, ['verify'])
}
