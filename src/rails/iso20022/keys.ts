import { createPrivateKey, createPublicKey, X509Certificate, type KeyObject } from 'node:crypto'
import { z } from 'zod'
import { readKeyFile } from '../../config/env.ts'

/** What the connector needs to speak to one bank. Without all of it, it refuses to start. */
export type Iso20022Keys = {
  /** PEM of the only CA we accept the bank's TLS certificate from. */
  ca: string
  /** PEM of our TLS client certificate and its key. */
  clientCertificate: string
  clientKey: string
  /** We sign with this. */
  sign: SignatureKey
  /** The bank signs with the private half of one of these: more than one while it changes its key. */
  verify: readonly SignatureKey[]
}

/** An Ed25519 key, parsed once: the algorithm belongs to the key, never to a message. */
export type SignatureKey = { id: string; key: KeyObject }

/** The present key, the next one, and room for a mistake. */
const KEYS_MAX = 4

const KeyId = z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/, 'kid must be printable ASCII without quotes')
const Coordinate = z.string().regex(/^[A-Za-z0-9_-]{43}$/)
const Jwk = { kty: z.literal('OKP'), crv: z.literal('Ed25519'), kid: KeyId, x: Coordinate }
const PublicJwk = z.object(Jwk)
const PublicJwks = z.object({ keys: z.array(PublicJwk).min(1).max(KEYS_MAX) })
const PrivateJwk = z.object({ ...Jwk, d: Coordinate })

/** Reads and checks the bank keys of a process's key directory. Errors name the file, never its content. */
export function readIso20022Keys(dir: string): Iso20022Keys {
  const ca = pem(dir, 'bank-ca.crt')
  const clientCertificate = pem(dir, 'bank-client.crt')
  const clientKey = readKeyFile(dir, 'bank-client.key')
  checked('bank-client.key', () => {
    if (!new X509Certificate(clientCertificate).checkPrivateKey(createPrivateKey(clientKey))) {
      throw new Error('not the key of bank-client.crt')
    }
  })
  return {
    ca,
    clientCertificate,
    clientKey,
    sign: checked('bank-sign.jwk.json', () => signingKey(readKeyFile(dir, 'bank-sign.jwk.json'))),
    verify: checked('bank-verify.jwk.json', () => verificationKeys(readKeyFile(dir, 'bank-verify.jwk.json'))),
  }
}

export function signingKey(json: string): SignatureKey {
  const jwk = PrivateJwk.parse(JSON.parse(json))
  return { id: jwk.kid, key: createPrivateKey({ key: jwk, format: 'jwk' }) }
}

/** One JWK, or a JWK set. @throws where two keys have one id */
export function verificationKeys(json: string): SignatureKey[] {
  const parsed: unknown = JSON.parse(json)
  const set = PublicJwks.safeParse(parsed)
  const jwks = set.success ? set.data.keys : [PublicJwk.parse(parsed)]
  if (new Set(jwks.map(({ kid }) => kid)).size < jwks.length) throw new Error('two keys have one id')
  return jwks.map((jwk) => ({ id: jwk.kid, key: createPublicKey({ key: jwk, format: 'jwk' }) }))
}

function pem(dir: string, name: string): string {
  const text = readKeyFile(dir, name)
  checked(name, () => new X509Certificate(text))
  return text
}

function checked<T>(name: string, read: () => T): T {
  try {
    return read()
  } catch {
    throw new Error(`key file ${name} is not what the bank connector needs; it does not start without it`)
  }
}
