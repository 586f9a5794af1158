import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { KeyRing } from '../../codec/index.ts'

/** The keys under which the secrets of customer codes lie in Postgres; the hub's alone (tools/keys.ts). */
export const CODE_KEY_FILE = 'codes.json'

const FORM = 'mooring/code-secret;v=1'
const CIPHER = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** Whose secret it is: bound to the ciphertext, so that none can be put in another's place. */
export type CodeOwner = { device: string; number: string }

/**
 * Secrets under AES-256-GCM (NIST SP 800-38D), with a random nonce of 96 bits: `<key id>.<nonce ‖ ciphertext ‖ tag>`, the
 * latter base64url. Key ids may hold dots, base64url does not.
 */
export type CodeVault = {
  seal(secret: Uint8Array, owner: CodeOwner): string
  /** @throws where its key is not in the ring any more, or it was altered */
  open(sealed: string, owner: CodeOwner): Buffer
}

export function makeCodeVault(ring: KeyRing): CodeVault {
  const additional = (keyId: string, { device, number }: CodeOwner) =>
    Buffer.from([FORM, keyId, device, number].join('\0'))
  const keyOf = (id: string) => {
    const key = ring.keys.get(id)
    if (key === undefined) throw new Error(`${CODE_KEY_FILE} has no key ${id}, under which a secret lies`)
    return key
  }
  return {
    seal(secret, owner) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv(CIPHER, keyOf(ring.writes), nonce, { authTagLength: TAG_BYTES })
      cipher.setAAD(additional(ring.writes, owner))
      const data = Buffer.concat([nonce, cipher.update(secret), cipher.final(), cipher.getAuthTag()])
      return `${ring.writes}.${data.toString('base64url')}`
    },
    open(sealed, owner) {
      const dot = sealed.lastIndexOf('.')
      const keyId = sealed.slice(0, dot)
      const data = Buffer.from(sealed.slice(dot + 1), 'base64url')
      const key = keyOf(keyId)
      const decipher = createDecipheriv(CIPHER, key, data.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
      decipher.setAAD(additional(keyId, owner))
      decipher.setAuthTag(data.subarray(-TAG_BYTES))
      return Buffer.concat([decipher.update(data.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()])
    },
  }
}
