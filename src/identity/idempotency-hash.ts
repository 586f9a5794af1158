import { createHash } from 'node:crypto'
import { canonicalJson } from './canonical.ts'
import { isClaims } from './proof.ts'

/** Fields that may differ between a command and its retry, and secrets that a hash would give away to who tries them all. */
const LEFT_OUT = new Set(['pin', 'old_pin', 'otp', 'claim'])
/** Fields that hold a device's signature: a retry may sign anew. */
const PROOFS = new Set(['confirmation', 'action', 'proof'])
/** Claims a new signature changes, or another device of the user. */
const CLAIMS_LEFT_OUT = new Set(['jti', 'iat', 'exp', 'device'])

/**
 * Content hash of a command for its idempotency key (protocol.md, Idempotency):
 * SHA-256, hex, of the command's name (or method and path) and the canonical
 * JSON of its body, in which a proof stands for its lasting claims. Any body
 * JSON can carry has one: it is taken before the body is validated.
 */
export function contentHash(command: string, body: unknown): string {
  return createHash('sha256')
    .update(command)
    .update('\0')
    .update(canonicalJson(isClaims(body) ? content(body) : body))
    .digest('hex')
}

function content(body: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const fields: [string, unknown][] = []
  for (const [name, value] of Object.entries(body)) {
    if (LEFT_OUT.has(name)) continue
    fields.push([name, PROOFS.has(name) ? proofContent(value) : value])
  }
  return Object.fromEntries(fields)
}

/** The claims of a proof, tagged, so that no plain field equals them; what cannot be decoded stands for itself. */
function proofContent(proof: unknown): unknown {
  if (typeof proof !== 'string') return { text: proof }
  const parts = proof.split('.')
  if (parts.length !== 3) return { text: proof }
  try {
    const claims: unknown = JSON.parse(utf8.decode(Buffer.from(parts[1] ?? '', 'base64url')))
    if (!isClaims(claims)) return { text: proof }
    return { claims: Object.fromEntries(Object.entries(claims).filter(([claim]) => !CLAIMS_LEFT_OUT.has(claim))) }
  } catch {
    return { text: proof }
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })
