import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

const Jwk = z.looseObject({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  kid: z.string().min(1).max(128),
  x: z.string(),
})
const PrivateJwk = Jwk.extend({ d: z.string() })

/** One key, or a set of them while the client changes its own. */
const PeerJwks = z.union([
  Jwk.transform((jwk) => [jwk]),
  z.object({ keys: z.array(Jwk).min(1) }).transform(({ keys }) => keys),
])

export type BankKeys = {
  tls: { ca: string; cert: string; key: string }
  /** The bank's own signing key. */
  sign: { id: string; key: KeyObject }
  /** The client's: its keys, and the certificate (sha-256 of the DER, lower-case hex) that their ids must come with. */
  peer: { keys: readonly { id: string; key: KeyObject }[]; fingerprint: string }
  controlToken: string
}

/** Reads the bank's key directory; a missing or unreadable file stops the start with its name. */
export function readKeys(directory: string): BankKeys {
  const text = (name: string) => readFileSync(join(directory, name), 'utf8')
  const own = PrivateJwk.parse(JSON.parse(text('sign.jwk.json')))
  const peers = PeerJwks.parse(JSON.parse(text('peer-verify.jwk.json')))
  const fingerprint = text('peer-fingerprint').trim().replaceAll(':', '').toLowerCase()
  if (!/^[0-9a-f]{64}$/.test(fingerprint)) throw new Error('peer-fingerprint is not a sha-256 in hex')
  const controlToken = text('control.token').trim()
  if (controlToken.length < 16) throw new Error('control.token is shorter than 16 characters')
  return {
    tls: { ca: text('ca.crt'), cert: text('server.crt'), key: text('server.key') },
    sign: { id: own.kid, key: createPrivateKey({ key: own, format: 'jwk' }) },
    peer: {
      keys: peers.map((jwk) => ({ id: jwk.kid, key: createPublicKey({ key: jwk, format: 'jwk' }) })),
      fingerprint,
    },
    controlToken,
  }
}
