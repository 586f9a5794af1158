import type { CaptureMethod, PaymentKind, SourceType } from '../../contract/names.ts'
import { SOURCE_CODE } from '../../domain/accounting/index.ts'
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
import type { RailEntry } from '../rail-book.ts'
import { refusalOfPin } from './pin.ts'
import { type Decision, type PhoneCommand, replayedJti } from './pipeline.ts'

/** A signature that is this device's, in time and not used before; what it is over is compared later. */
export type Signed = { claims: ProofClaims; jti: NonNullable<Unit['jti']> | null }

export async function readSignature(
  deps: PaymentDeps,
  principal: Principal,
  jws: string,
  field: 'confirmation' | 'action',
): Promise<Result<Signed, Refusal>> {
  const signed = await openSignature(deps, principal, jws, field)
  return signed.ok && (await isSpent(deps, signed.value)) ? err(replayedJti()) : signed
}

/**
 * What is decided under a confirmation. That it was used before counts first, and the ledger finds it in the unit
 * itself: it is looked for here where nothing gets that far.
 */
export async function underConfirmation(
  deps: PaymentDeps,
  principal: Principal,
  jws: string,
  decide: (signed: Signed) => Promise<Decision>,
): Promise<Decision> {
  const signed = await openSignature(deps, principal, jws, 'confirmation')
  if (!signed.ok) return { kind: 'refusal', refusal: signed.error }
  const decision = await decide(signed.value)
  const spent = decision.kind === 'refusal' && (await isSpent(deps, signed.value))
  return spent ? { kind: 'refusal', refusal: replayedJti() } : decision
}

async function isSpent(deps: PaymentDeps, { jti }: Signed): Promise<boolean> {
  if (jti === null) return false
  const used = await deps.sql`select from used_jtis where device = ${jti.device} and jti = ${jti.jti}`
  return used.length > 0
}

async function openSignature(
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
  const { exp } = claims
  // One that is no number is a mismatch, found later; one that is, is near by now.
  const expiresAt = timestamp((typeof exp === 'number' ? exp * 1_000 : deps.clock.now()) + KEEP_JTI_MS)
  return ok({ claims, jti: { device: principal.device, jti, expires_at: expiresAt } })
}

/** A used jti is remembered this long past its signature's own end (leeway included). */
const KEEP_JTI_MS = 600_000

/** `signature_mismatch` where the signature is not over exactly this; a signature without jti never gets past here. */
export function confirmationMismatch(signed: Signed, what: Confirmation): Refusal | null {
  return mismatchRefusal(signed.claims, confirmationClaims(what))
}

/** Where the money comes from or goes to, resolved for one user. */
export type ResolvedSource = {
  type: SourceType
  /** As the command names it. */
  id: string
  label: string
  /** The customer's account at a rail; null for the wallet. */
  account: RailSource | null
}

export type RailSource = {
  entry: RailEntry
  /** IBAN or phone number. */
  account: string
  holder: string | null
  mandateId: string | null
  mandateSignedOn: string | null
}

/** What a payment of this kind asks of the rail of its source. */
export const OPERATION: Readonly<Record<PaymentKind, 'collect' | 'payOut'>> = {
  purchase: 'collect',
  topup: 'collect',
  transfer: 'collect',
  withdrawal: 'payOut',
}

export const WALLET: ResolvedSource = { type: 'wallet', id: 'wallet', label: 'Wallet', account: null }

/** `source_not_found`, `source_not_usable` or `capture_method_unsupported` where this kind cannot use it. */
export async function resolveSource(
  deps: PaymentDeps,
  user: string,
  source: string,
  use: { kind: PaymentKind; captureMethod: CaptureMethod },
): Promise<Result<ResolvedSource, Refusal>> {
  const found = await findSource(deps, user, source)
  if (!found.ok) return found
  const { type, account } = found.value
  if (SOURCE_CODE[use.kind][type] === null) {
    return err(
      notUsable(
        type === 'wallet'
          ? 'The wallet cannot be the source here; name a linked account.'
          : 'This source cannot be used for that; see source.list for others.',
      ),
    )
  }
  if (account === null) return found
  const { profile } = account.entry.rail
  if (profile.firstStep[OPERATION[use.kind]] === undefined) {
    return err(notUsable(`${account.entry.name} does not offer this; use another source.`))
  }
  if (use.captureMethod === 'manual' && !profile.manualCapture) {
    return err(
      refuse('capture_method_unsupported', 'This source cannot hold money for later; pay from the wallet instead.', {
        param: 'source',
      }),
    )
  }
  return found
}

async function findSource(deps: PaymentDeps, user: string, source: string): Promise<Result<ResolvedSource, Refusal>> {
  if (source === 'wallet') return ok(WALLET)
  if (source === 'operator') return phoneBill(deps, user)
  const row = await deps.store.source(source)
  if (row === null || row.user_id !== user) {
    return err(refuse('source_not_found', 'There is no such linked account; see source.list.', { param: 'source' }))
  }
  if (row.status !== 'active') return err(notUsable('This account is not active; link it again.'))
  if (row.currency !== deps.rules.currency) return err(notUsable('This account is in another currency.'))
  const entry = deps.rails.get(row.rail)
  if (entry === undefined) return err(notUsable('Its bank or operator is not served any more; link another account.'))
  return ok({
    type: row.type,
    id: row.id,
    label: row.label,
    account: {
      entry,
      account: row.account,
      holder: row.holder,
      mandateId: row.mandate_id,
      mandateSignedOn: row.mandate_signed_on,
    },
  })
}

/** The phone bill of the number the user enrolled with. */
async function phoneBill(deps: PaymentDeps, user: string): Promise<Result<ResolvedSource, Refusal>> {
  const entry = deps.rails.serving('operator')
  const [row] = await deps.sql<{ phone: string }[]>`select phone from users where id = ${user}`
  if (entry === undefined || row === undefined) return err(notUsable('The phone bill cannot be used here.'))
  return ok({
    type: 'operator',
    id: 'operator',
    label: `${entry.name} ··${row.phone.slice(-4)}`,
    account: { entry, account: row.phone, holder: null, mandateId: null, mandateSignedOn: null },
  })
}

/**
 * The rules on sums that come after the source: PIN, then the limit of one payment. A guess takes one of the user's
 * tries, so a signature that was used before is found out first.
 */
export async function sumRefusal(
  deps: PaymentDeps,
  command: PhoneCommand<{ pin?: string | undefined }>,
  signed: Signed,
  totalMinor: bigint,
): Promise<Refusal | null> {
  if (totalMinor > deps.rules.pinAboveMinor) {
    if (await isSpent(deps, signed)) return replayedJti()
    const refusal = await refusalOfPin(command)
    if (refusal !== null) return refusal
  }
  const mostMinor = await deps.spending.paymentMaxMinor(command.principal.user)
  if (totalMinor <= mostMinor) return null
  return refuse('limit_exceeded', `One payment may move at most ${mostMinor.toString()} minor units.`, {
    param: 'amount',
  })
}

/** Of a day or a month. */
export function limitExceeded(): Refusal {
  return refuse('limit_exceeded', 'This is more than your limit for the day or the month leaves; see limit.list.', {
    param: 'amount',
  })
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
