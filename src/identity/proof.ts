import { compactVerify } from 'jose'
import type { ProofTyp } from '../contract/index.ts'
import { refuse, type Refusal } from '../domain/refusal.ts'
import { err, ok, type Result } from '../domain/result.ts'
import type { VerifyKey } from './keys.ts'
import { IDENTITY_LIMITS } from './limits.ts'

export type ProofClaims = Readonly<Record<string, unknown>>

export type ProofExpected = {
  typ: ProofTyp
  publicKey: VerifyKey
  /** The device's id; absent at enrolment, before there is one: then a kid is refused. */
  kid?: string
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Verifies a compact JWS a device signed: ES256 by its key, header exactly
 * {alg, typ, kid} (protocol.md, head). Gives the payload's claims, or
 * `signature_invalid`; what the claims say is compared by the caller.
 */
export async function verifyProof(jws: string, expected: ProofExpected): Promise<Result<ProofClaims, Refusal>> {
  if (jws.length > IDENTITY_LIMITS.proof_bytes || !isCompact(jws)) return invalid
  try {
    const { payload, protectedHeader } = await compactVerify(jws, expected.publicKey, { algorithms: ['ES256'] })
    const names = Object.keys(protectedHeader)
    if (names.length !== (expected.kid === undefined ? 2 : 3)) return invalid
    if (protectedHeader.typ !== expected.typ || protectedHeader.kid !== expected.kid) return invalid
    const claims: unknown = JSON.parse(utf8.decode(payload))
    return isClaims(claims) ? ok(claims) : invalid
  } catch {
    return invalid // malformed, another algorithm or another key: all the same to who sent it
  }
}

/** Three parts of base64url as RFC 7515 writes it: no padding, and the one way there is to write those bytes. */
function isCompact(jws: string): boolean {
  const parts = jws.split('.')
  return parts.length === 3 && parts.every((part) => Buffer.from(part, 'base64url').toString('base64url') === part)
}

const invalid = err(refuse('signature_invalid', 'The proof is not signed by this device for this purpose.'))

export function isClaims(value: unknown): value is ProofClaims {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
