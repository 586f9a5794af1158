import { createHash } from 'node:crypto'
import { PROOF_TYP } from '../contract/index.ts'
import { claimMismatch, expiryFault, type ExpectedClaims } from '../domain/confirmation.ts'
import { refuse, type Refusal } from '../domain/refusal.ts'
import { err, type Result } from '../domain/result.ts'
import type { Principal } from './authenticate.ts'
import { canonicalJson } from './canonical.ts'
import { verifyProof, type ProofClaims } from './proof.ts'

/**
 * A device's signature over a payment (`confirmation`) or a change (`action`).
 * Of several faults the first answers: signature_invalid → confirmation_expired
 * → confirmation_replayed → … → signature_mismatch; the caller asks in that
 * order, with its own checks between.
 */
export async function openConfirmation(
  jws: string,
  principal: Pick<Principal, 'publicKey' | 'device'>,
  field: 'confirmation' | 'action' = 'confirmation',
): Promise<Result<ProofClaims, Refusal>> {
  const typ = field === 'confirmation' ? PROOF_TYP.confirm : PROOF_TYP.action
  const opened = await verifyProof(jws, { typ, publicKey: principal.publicKey, kid: principal.device })
  return opened.ok ? opened : err({ ...opened.error, param: field })
}

/** `confirmation_expired` where `exp` is past or more than five minutes ahead, with a minute's leeway; else null. */
export function expiryRefusal(claims: ProofClaims, nowMs: number): Refusal | null {
  if (!expiryFault(claims, nowMs)) return null
  return refuse('confirmation_expired', 'The signature is past its time or too far ahead; sign again.', {
    param: 'exp',
  })
}

/** `signature_mismatch` naming the first claim that is not about exactly this; else null. */
export function mismatchRefusal(claims: ProofClaims, expected: ExpectedClaims): Refusal | null {
  const claim = claimMismatch(claims, expected)
  if (claim === null) return null
  return refuse('signature_mismatch', `What was signed is not what would happen: ${claim} differs.`, { param: claim })
}

/** Fields an action's signature is not over: itself, and the secrets that come beside it. */
const NOT_SIGNED = new Set(['action', 'pin', 'old_pin'])

/** base64url SHA-256 of the RFC 8785 canonical JSON of a body without action, pin and old_pin; what an action signs. */
export function actionBodyHash(body: Readonly<Record<string, unknown>>): string {
  const signed = Object.fromEntries(Object.entries(body).filter(([name]) => !NOT_SIGNED.has(name)))
  return createHash('sha256').update(canonicalJson(signed)).digest('base64url')
}
