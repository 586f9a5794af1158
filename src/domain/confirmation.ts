import { PROOF_LEEWAY_S, PROOF_MAX_AHEAD_S, type CaptureMethod, type PaymentKind } from '../contract/names.ts'

/**
 * What a device signed against what the hub is about to do (protocol.md,
 * `confirmation` and `action`). Pure; the order of faults is the caller's:
 * first `expiryFault`, then the replay of `jti`, last `claimMismatch`.
 */

/** Shortest and longest `jti`. */
const JTI = { min: 16, max: 128 } as const
/** Neither NUL and its like nor half of a surrogate pair: no text of a database. */
const STORABLE = /^[^\p{Cc}\p{Cs}]*$/u

export type SignedClaims = Readonly<Record<string, unknown>>

/** Each claim the signature must carry, with the text it must have. What is not named here must not be there. */
export type ExpectedClaims = Readonly<Record<string, string>>

/** True where `exp` is past or too far ahead. An `exp` that is missing or no number is a mismatch instead. */
export function expiryFault(claims: SignedClaims, nowMs: number): boolean {
  const exp = own(claims, 'exp')
  if (typeof exp !== 'number') return false
  const aheadS = exp - nowMs / 1_000
  return aheadS <= -PROOF_LEEWAY_S || aheadS > PROOF_MAX_AHEAD_S + PROOF_LEEWAY_S
}

/** The single-use id of a signature; null where it is missing or ill-formed, which `claimMismatch` then names. */
export function jtiOf(claims: SignedClaims): string | null {
  const jti = own(claims, 'jti')
  if (typeof jti !== 'string' || jti.length < JTI.min || jti.length > JTI.max) return null
  return STORABLE.test(jti) ? jti : null
}

/** The first claim that is missing, unequal or unknown; null where the signature is over exactly this. */
export function claimMismatch(claims: SignedClaims, expected: ExpectedClaims): string | null {
  for (const [claim, value] of Object.entries(expected)) {
    if (own(claims, claim) !== value) return claim
  }
  if (jtiOf(claims) === null) return 'jti'
  if (typeof own(claims, 'exp') !== 'number') return 'exp'
  for (const claim of Object.keys(claims)) {
    if (claim === 'jti' || claim === 'exp' || Object.hasOwn(expected, claim)) continue
    if (claim === 'iat' && typeof claims[claim] === 'number') continue
    return claim
  }
  return null
}

function own(claims: SignedClaims, claim: string): unknown {
  return Object.hasOwn(claims, claim) ? claims[claim] : undefined
}

/** What a payer's signature must be over. */
export type Confirmation = {
  env: 'test' | 'live'
  user: string
  device: string
  kind: PaymentKind
  /** The payment that exists already, or the idempotency key of the command that makes it. */
  subject: { payment: string } | { key: string }
  payee: string
  amountMinor: bigint
  currency: string
  payerFeeMinor: bigint
  source: string
  captureMethod: CaptureMethod
  orderRef: string | null
}

/** The claims of `mooring-confirm+jwt`, in the order in which a fault is named. */
export function confirmationClaims(what: Confirmation): ExpectedClaims {
  return {
    aud: 'mooring:confirm',
    env: what.env,
    sub: what.user,
    device: what.device,
    kind: what.kind,
    ...what.subject,
    payee: what.payee,
    amount: what.amountMinor.toString(),
    currency: what.currency,
    payer_fee: what.payerFeeMinor.toString(),
    total: (what.amountMinor + what.payerFeeMinor).toString(),
    source: what.source,
    capture_method: what.kind === 'purchase' ? what.captureMethod : 'automatic',
    ...(what.orderRef === null ? {} : { order_ref: what.orderRef }),
  }
}

/** The claims of `mooring-action+jwt`; `bodyHash` is over the canonical body. */
export function actionClaims(what: { user: string; device: string; name: string; bodyHash: string }): ExpectedClaims {
  return { aud: 'mooring:action', sub: what.user, device: what.device, name: what.name, body: what.bodyHash }
}
