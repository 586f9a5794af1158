import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { z } from 'zod'
import type { KeyRing } from './ring.ts'

/**
 * One payload of Temporal under AES-256-GCM (NIST SP 800-38D): a random nonce of 96 bits, a tag of 128. What is encrypted
 * is the whole payload, its own metadata with it; the metadata that stay readable, encoding and key id, are bound to the
 * ciphertext as additional data, so that none can be put on another's.
 *
 *   data = nonce (12) ‖ ciphertext ‖ tag (16)      plaintext = length of metadata (4) ‖ metadata as JSON ‖ data
 */

/** As Temporal's own Payload: bytes, and bytes by name about them. */
export type Payload = { metadata?: Record<string, Uint8Array> | null; data?: Uint8Array | null }

/** Whose payloads ours are. Another letter when the form changes. */
export const ENCODING = 'mooring/aes-256-gcm;v=1'
const NONCE_BYTES = 12
const TAG_BYTES = 16
const LENGTH_BYTES = 4
const CIPHER = 'aes-256-gcm'

export type Opened = { ok: true; payload: Payload } | { ok: false; why: 'not_ours' | 'unknown_key' | 'altered' }

/** Metadata by name, each base64. */
const About = z.record(z.string(), z.string())

const text = (bytes: Uint8Array | undefined): string => (bytes === undefined ? '' : Buffer.from(bytes).toString('utf8'))
const additional = (keyId: string): Buffer => Buffer.from(`${ENCODING}\0${keyId}`)

export function isSealed({ metadata }: Payload): boolean {
  return text(metadata?.['encoding']) === ENCODING
}

export function seal(ring: KeyRing, payload: Payload): Payload {
  const key = ring.keys.get(ring.writes)
  if (key === undefined) throw new Error(`the codec's ring has no key ${ring.writes}`)
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(additional(ring.writes))
  const about = Buffer.from(
    JSON.stringify(
      Object.fromEntries(
        Object.entries(payload.metadata ?? {}).map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64')]),
      ),
    ),
  )
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUInt32BE(about.length)
  const parts = [length, about, payload.data ?? new Uint8Array(0)].map((part) => cipher.update(part))
  const data = Buffer.concat([nonce, ...parts, cipher.final(), cipher.getAuthTag()])
  return { metadata: { encoding: Buffer.from(ENCODING), 'key-id': Buffer.from(ring.writes) }, data }
}

export function open(ring: KeyRing, payload: Payload): Opened {
  if (!isSealed(payload)) return { ok: false, why: 'not_ours' }
  const keyId = text(payload.metadata?.['key-id'])
  const key = ring.keys.get(keyId)
  if (key === undefined) return { ok: false, why: 'unknown_key' }
  const data = Buffer.from(payload.data ?? new Uint8Array(0))
  if (data.length < NONCE_BYTES + TAG_BYTES + LENGTH_BYTES) return { ok: false, why: 'altered' }
  const decipher = createDecipheriv(CIPHER, key, data.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
  decipher.setAAD(additional(keyId))
  decipher.setAuthTag(data.subarray(data.length - TAG_BYTES))
  let plain: Buffer
  try {
    plain = Buffer.concat([decipher.update(data.subarray(NONCE_BYTES, data.length - TAG_BYTES)), decipher.final()])
  } catch {
    return { ok: false, why: 'altered' }
  }
  // Authentic from here on: what stands in it, we wrote.
  const end = LENGTH_BYTES + plain.readUInt32BE(0)
  const about = About.parse(JSON.parse(plain.toString('utf8', LENGTH_BYTES, end)))
  const metadata = Object.fromEntries(
    Object.entries(about).map(([name, base64]) => [name, new Uint8Array(Buffer.from(base64, 'base64'))]),
  )
  return { ok: true, payload: { metadata, data: new Uint8Array(plain.subarray(end)) } }
}
