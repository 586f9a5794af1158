import type { PaymentKind, PaymentStatus, SourceType } from '../../contract/names.ts'
import { CHART } from './chart.ts'

/**
 * State → allowed postings: what of a payment stands in the ledger in each of its
 * states. The payment code moves by this table and the audit checks by it (L5).
 *
 * What is measured are the debits of the payment's source account (sourceCode)
 * under the payment's id: there the amount and a payer's fee appear once, while
 * shares, fee, tax and commission are only how it is divided. What of these debits
 * is no fee of ours is for the payment's payee (PAYEE_NAME).
 */

export type AllowedPostings = {
  /** `amount`: holds that debit the source sum to amount + payer's fee. */
  held: 'none' | 'amount'
  /** `captured`: posted debits of the source sum to captured amount + payer's fee. */
  posted: 'none' | 'captured'
  /** Whether a call at a rail may be unresolved. */
  unresolvedAttempt: boolean
}

const NOTHING: AllowedPostings = { held: 'none', posted: 'none', unresolvedAttempt: false }
const HELD: AllowedPostings = { held: 'amount', posted: 'none', unresolvedAttempt: true }
const POSTED: AllowedPostings = { held: 'none', posted: 'captured', unresolvedAttempt: false }

/**
 * By status, before and after the payment was accepted (`accepted_at`): a rail may
 * ask for a code in the midst of it, and then the hold stands. Null is a state that
 * no payment is in: whatever has not been accepted has not been processed either.
 */
export const STATE_POSTINGS: Readonly<
  Record<PaymentStatus, { unaccepted: AllowedPostings | null; accepted: AllowedPostings | null }>
> = {
  requires_confirmation: { unaccepted: NOTHING, accepted: null },
  requires_action: { unaccepted: NOTHING, accepted: HELD },
  processing: { unaccepted: null, accepted: HELD },
  requires_capture: { unaccepted: null, accepted: HELD },
  succeeded: { unaccepted: null, accepted: POSTED },
  failed: { unaccepted: null, accepted: NOTHING },
  canceled: { unaccepted: NOTHING, accepted: NOTHING },
  expired: { unaccepted: NOTHING, accepted: NOTHING },
}

/** Where a payment stands; accepted means that it has an `accepted_at`. */
export type Standing = { status: PaymentStatus; accepted: boolean }

export function allowedPostings(payment: Standing): AllowedPostings | null {
  const row = STATE_POSTINGS[payment.status]
  return payment.accepted ? row.accepted : row.unaccepted
}

/** What a payment's source account must show, in minor units. */
export function expectedPostings(
  allowed: AllowedPostings,
  payment: { amountMinor: bigint; capturedMinor: bigint; payerFeeMinor: bigint },
): { heldMinor: bigint; postedMinor: bigint } {
  return {
    heldMinor: allowed.held === 'amount' ? payment.amountMinor + payment.payerFeeMinor : 0n,
    postedMinor: allowed.posted === 'captured' ? payment.capturedMinor + payment.payerFeeMinor : 0n,
  }
}

/** How the ledger follows a payment from one state to the next; null where the table has no such way. */
export type LedgerMove = 'reserve' | 'post' | 'confirm' | 'void' | 'none'

export function ledgerMove(from: AllowedPostings, to: AllowedPostings): LedgerMove | null {
  if (from.posted === 'captured') return to.posted === 'captured' ? 'none' : null
  if (from.held === 'amount') {
    if (to.held === 'amount') return 'none'
    return to.posted === 'captured' ? 'confirm' : 'void'
  }
  if (to.held === 'amount') return 'reserve'
  return to.posted === 'captured' ? 'post' : 'none'
}

/**
 * Throws where the table has another move between these states than this one: a bug here, never a refusal.
 * `from`: null where the payment is born by this move.
 */
export function assertLedgerMove(from: Standing | null, to: Standing, move: LedgerMove): void {
  const [before, after] = [from === null ? NOTHING : allowedPostings(from), allowedPostings(to)]
  const allowed = before === null || after === null ? null : ledgerMove(before, after)
  if (allowed !== move) {
    throw new Error(
      `illegal_postings: from ${from?.status ?? 'nothing'} to ${to.status} the ledger is to ${allowed ?? 'stay'}, not ${move}`,
    )
  }
}

const { wallet, clearing, due } = CHART

/**
 * The account a payment debits, by kind and source, as its code; null where this
 * kind has no such source. A top-up's money comes in at a rail, so it debits clearing.
 */
export const SOURCE_CODE: Readonly<Record<PaymentKind, Readonly<Record<SourceType, number | null>>>> = {
  purchase: { wallet: wallet.code, bank: clearing.code, mobile_money: clearing.code, operator: due.code },
  transfer: { wallet: wallet.code, bank: null, mobile_money: null, operator: null },
  topup: { wallet: null, bank: clearing.code, mobile_money: clearing.code, operator: null },
  // The linked account is where a withdrawal goes to; what it debits is the wallet.
  withdrawal: { wallet: null, bank: wallet.code, mobile_money: wallet.code, operator: null },
}

/** Parts of the names below: the payment's own. */
export type Parties = { payer: string; payee: string; rail: string }

/** What the account that a payment debits is called, by its code. */
const SOURCE_NAME: Readonly<Record<number, string>> = {
  [wallet.code]: 'wallet:<payer>',
  [clearing.code]: 'clearing:<rail>',
  [due.code]: 'due:<rail>',
}

/** What the account is called that it is for. No payment is split between receivers yet: it would name them all. */
export const PAYEE_NAME: Readonly<Record<PaymentKind, string>> = {
  purchase: 'merchant:<payee>:pending',
  transfer: 'wallet:<payee>',
  topup: 'wallet:<payer>',
  withdrawal: 'clearing:<rail>',
}

/** Null where this kind has no such source. With its parts in angle brackets where no parties are given. */
export function sourceName(kind: PaymentKind, source: SourceType, parties?: Parties): string | null {
  const name = SOURCE_NAME[SOURCE_CODE[kind][source] ?? 0]
  return name === undefined ? null : filled(name, parties)
}

export function payeeName(kind: PaymentKind, parties: Parties): string {
  return filled(PAYEE_NAME[kind], parties)
}

function filled(name: string, parties?: Parties): string {
  if (parties === undefined) return name
  return name.replace('<payer>', parties.payer).replace('<payee>', parties.payee).replace('<rail>', parties.rail)
}
