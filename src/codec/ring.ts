import { createSecretKey, type KeyObject } from 'node:crypto'
import { z } from 'zod'
import { readKeyFile } from '../config/env.ts'

/** The file of the codec's keys in a role's keys directory; hub and ops service have the same. */
export const CODEC_KEY_FILE = 'codec.json'

/** AES-256 keys by their id: one writes, all read. As bytes each use of one would cost more than the cipher. */
export type KeyRing = { writes: string; keys: ReadonlyMap<string, KeyObject> }

const KEY_BYTES = 32
/** How the ids of keys begin that tools/keys.ts makes. */
const DEVELOPMENT = 'dev-'

const RingFile = z.strictObject({
  /** Id of the key that encrypts. */
  writes: z.string(),
  /** Every key that may still be needed to read, base64url. */
  keys: z.record(z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, 'a key id is 1 to 64 of A-Z a-z 0-9 . _ -'), z.string()),
})

/**
 * Reads `codec.json`, or another ring of keys: `{"writes":"<id>","keys":{"<id>":"<32 bytes, base64url>"}}`. To rotate, add
 * a key everywhere, then name it in `writes`; a key goes once nothing that it wrote is kept.
 *
 * @throws where there is none or it is ill-formed: what it is for would lie in the clear; and in production where a key
 * was made for development, by its id
 */
export function readKeyRing(dir: string, env: 'test' | 'live', file = CODEC_KEY_FILE): KeyRing {
  const parsed = RingFile.safeParse(parseJson(readKeyFile(dir, file)))
  if (!parsed.success) {
    throw new Error(`${file} is ill-formed; expected {"writes":"<id>","keys":{"<id>":"<32 bytes, base64url>"}}`)
  }
  const keys = new Map(Object.entries(parsed.data.keys).map(([id, text]) => [id, createSecretKey(text, 'base64url')]))
  for (const [id, key] of keys) {
    if (key.symmetricKeySize !== KEY_BYTES)
      throw new Error(`${file}: key ${id} must hold ${KEY_BYTES} bytes, base64url`)
  }
  if (!keys.has(parsed.data.writes)) {
    throw new Error(`${file}: there is no key ${parsed.data.writes}, which "writes" names`)
  }
  const development = [...keys.keys()].find((id) => id.startsWith(DEVELOPMENT))
  if (env === 'live' && development !== undefined) {
    throw new Error(`${file}: key ${development} was made for development; make keys for production`)
  }
  return { writes: parsed.data.writes, keys }
}

/** Undefined for a text that is no JSON: the schema then says what was expected, and nothing of a key is quoted. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
