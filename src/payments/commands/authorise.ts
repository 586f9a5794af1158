import { jtiOf, type Confirmation, confirmationClaims } from '../../domain/confirmation.ts'
import { timestamp } from '../../domain/clock.ts'
import { refuse, type Refusal } from '../../domain/refusal.ts'
import { err, ok, type Result } from '../../domain/result.ts'
import {
  expiryRefusal,
  mismatchRefusal,
  openConfirmation,
  type Principal,
  type ProofClaims,
} from '../../identity/index.ts'
import type { Unit } from '../../ledger/index.ts'
import type { PaymentDeps } from '../deps.ts'
import type { SourceRow } from '../rows.ts'
import { replayedJti } from './pipeline.ts'

/** A signature that is this device's, in time and not used before; what it is over is compared later. */
export type Signed = { claims: ProofClaims; jti: NonNullable<Unit['jti']> | null }

export async function readSignature(
  deps: PaymentDeps,
  principal: Principal,
  jws: string,
  field: 'confirmation' | 'action',
): Promise<Result<Signed, Refusal>> {
  const opened = await openConfirmation(jws, principal, field)
  if (!opened.ok) return opened
  const claims = opened.value
  const late = expiryRefusal(claims, deps.clock.now())
  if (late !== null) return err(late)
  const jti = jtiOf(claims)
  if (jti === null) return ok({ claims, jti: null })
  const used = await deps.sql`select from used_jtis where device = ${principal.device} and jti = ${jti}`
  if (used.length > 0) return err(replayedJti())
  const exp = Number(claims['exp'])
  const expiresAt = timestamp((Number.isFinite(exp) ? exp * 1_000 : deps.clock.now()) + KEEP_JTI_MS)
  return ok({ claims, jti: { device: principal.device, jti, expires_at: expiresAt } })
}

/** A used jti is remembered this long past its signature's own end (leeway included). */
const KEEP_JTI_MS = 600_000

/** `signature_mismatch` where the signature is not over exactly this; a signature without jti never gets past here. */
export function confirmationMismatch(signed: Signed, what: Confirmation): Refusal | null {
  return mismatchRefusal(signed.claims, confirmationClaims(what))
}

/** Where the money comes from or goes to, resolved for one user. */
export type ResolvedSource = { type: 'wallet'; row: null } | { type: 'bank'; row: SourceRow }

export async function resolveSource(
  deps: PaymentDeps,
  user: string,
  source: string,
  allowed: { wallet: boolean },
): Promise<Result<ResolvedSource, Refusal>> {
  if (source === 'wallet') {
    return allowed.wallet
      ? ok({ type: 'wallet', row: null })
      : err(notUsable('The wallet cannot be the source here; name a linked account.'))
  }
  if (source === 'operator') return err(notUsable('The phone bill cannot be used here.'))
  const row = await deps.store.source(source)
  if (row === null || row.user_id !== user) {
    return err(refuse('source_not_found', 'There is no such linked account; see source.list.', { param: 'source' }))
  }
  if (row.status !== 'active') return err(notUsable('This account is not active; link it again.'))
  if (row.currency !== deps.rules.currency) return err(notUsable('This account is in another currency.'))
  return ok({ type: 'bank', row })
}

/** The rules on sums that come after the source: PIN, then limits. */
export function sumRefusal(deps: PaymentDeps, totalMinor: bigint): Refusal | null {
  const { pinAboveMinor, paymentMaxMinor } = deps.rules
  if (totalMinor > pinAboveMinor)
    return refuse('pin_required', 'This total needs your PIN; set one first.', { param: 'pin' })
  if (totalMinor > paymentMaxMinor) {
    return refuse('limit_exceeded', `One payment may move at most ${paymentMaxMinor.toString()} minor units.`, {
      param: 'amount',
    })
  }
  return null
}

export function insufficientFunds(): Refusal {
  return refuse('insufficient_funds', 'The wallet does not hold enough; top it up and use a new key.', {
    param: 'amount',
  })
}

function notUsable(message: string): Refusal {
  return refuse('source_not_usable', message, { param: 'source' })
}

/** The ledger refuses new spends of, or to, an account that is frozen or closed. */
export function accountBlocked(): Refusal {
  return refuse('source_not_usable', 'An account of this payment is frozen or closed; ask support.', {
    param: 'source',
  })
}
