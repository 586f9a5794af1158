import type { RefundStatus } from '../../contract/names.ts'
import { movesMoney } from '../../domain/attempt.ts'
import { isTerminal } from '../../domain/payment.ts'
import { assertNever } from '../../domain/result.ts'
import type { RefundTerms } from '../refunds/funding.ts'
import type { RefundBase, RefundRow } from '../refunds/rows.ts'
import type { AttemptRow, PaymentRow } from '../rows.ts'
import { type Claim, type EvidenceResult, type EvidenceRow, contradicts } from '../evidence.ts'

/**
 * What is to be done about evidence, read from where everything stands. It is asked
 * again after every step, so a recovery run twice, late or by two at once repeats
 * nothing (recovery/steps.ts).
 *
 *  R1 What was recorded is never flipped, and a terminal status never changed.
 *  R2 Money follows an authenticated inquiry, or a return; anything else said is asked about first.
 *  R3 Each attempt has at most one break each way, each return is taken once, and returns never exceed what settled.
 */
export type Verdict =
  /** For the payment itself to end, or for what was said elsewhere to be acted upon. */
  | { do: 'wait'; ms: number; why: string }
  | { do: 'ask' }
  | { do: 'end'; result: Exclude<EvidenceResult, 'posted' | 'suspended' | 'broken' | 'unpostable'> }
  /** People must look at it: no rule says what follows. */
  | { do: 'operator'; why: string }
  /** Say that the payer's bank wants it back, before it is gone. */
  | { do: 'dispute' }
  | { do: 'post'; move: Move }
  | { do: 'over' }

export type Move =
  /** It settled after the payment had ended otherwise. */
  | { type: 'late_settlement'; amountMinor: bigint }
  /** It did not settle, and the payment says that it did. */
  | { type: 'denied'; amountMinor: bigint }
  /** `totalMinor`: with those before it. `late`: of money that came after the end, so it went to the payer's wallet. */
  | { type: 'returned'; amountMinor: bigint; totalMinor: bigint; late: boolean }

/** A refund, the tax in the fee of its payment, and what others have given back of both. */
type RefundFacts = Pick<RefundRow, 'status' | 'fee' | 'fee_tax'> &
  Pick<RefundTerms, 'tax'> &
  Pick<RefundBase, 'returned'>

export type Facts = {
  evidence: EvidenceRow
  /** All that was said about this attempt, this included. */
  all: readonly EvidenceRow[]
  /** What it is about: the payment, or the one that a refund is of. */
  payment: PaymentRow
  attempt: AttemptRow
  /** Null where the payment itself was at the rail. */
  refund: RefundFacts | null
}

/** Until the own workflow of the payment or refund has ended it. */
const PATIENCE_MS = 5_000
const OPEN_REFUND: ReadonlySet<RefundStatus> = new Set(['processing', 'pending_funds'])

export function verdictOn(facts: Facts): Verdict {
  const { evidence, payment, refund } = facts
  if (evidence.state !== 'open') return { do: 'over' }
  const { kind } = evidence
  // Whether the customer keeps what came back of a refund no rule says.
  if (refund !== null && kind === 'returned') return { do: 'operator', why: 'money came back of a refund' }
  if (refund === null ? !isTerminal(payment.status) : OPEN_REFUND.has(refund.status)) {
    return { do: 'wait', ms: PATIENCE_MS, why: `the end of its ${refund === null ? 'payment' : 'refund'}` }
  }
  switch (kind) {
    case 'look':
    case 'unclear':
      // What the answer says anew is evidence of its own.
      return evidence.answer === null ? { do: 'ask' } : { do: 'end', result: 'agreed' }
    case 'settled':
    case 'declined':
    case 'not_found':
      return ofOutcome(kind, facts)
    case 'returned':
      return ofReturn(facts)
    default:
      return assertNever(kind, 'evidence')
  }
}

function ofOutcome(kind: Exclude<Claim, 'returned'>, { evidence, all, payment, attempt, refund }: Facts): Verdict {
  if (!contradicts(attempt, kind)) return { do: 'end', result: 'agreed' }
  if (evidence.via !== 'inquiry') {
    const { answer } = evidence
    if (answer === null) return { do: 'ask' }
    // Confirmed, it has become evidence of its own, by inquiry.
    return { do: 'end', result: answer !== 'wrong_code' && contradicts(attempt, answer) ? 'known' : 'refuted' }
  }
  // What was charged although it had been given back came late, as any other.
  if (!movesMoney(attempt.step) && attempt.step !== 'cancel') {
    return { do: 'operator', why: `a rail contradicts the end of a ${attempt.step}` }
  }
  if (kind === 'settled') {
    if (lateSettled(all)) return { do: 'end', result: 'known' }
    return { do: 'post', move: { type: 'late_settlement', amountMinor: attempt.amount } }
  }
  if (refund !== null) return { do: 'operator', why: 'a rail denies a refund that has succeeded' }
  if (denied(all) || isBroken(all)) return { do: 'end', result: 'known' }
  if (returnedMinor(all) > 0n) return { do: 'operator', why: 'a rail denies a payment of which money came back' }
  return { do: 'post', move: { type: 'denied', amountMinor: settledMinor(payment, attempt) } }
}

function ofReturn({ evidence, all, payment, attempt }: Facts): Verdict {
  const late = lateSettled(all)
  if (attempt.state !== 'settled' && !late) {
    // It claims that money came of which we know nothing: first that must be so.
    if (evidence.answer === null) return { do: 'ask' }
    const confirmed = all.some(({ kind, via, state }) => kind === 'settled' && via === 'inquiry' && state === 'open')
    if (confirmed) return { do: 'wait', ms: PATIENCE_MS, why: 'the settlement it is a return of' }
    return { do: 'operator', why: 'money came back of a payment that the rail does not have as settled' }
  }
  if (!movesMoney(attempt.step) && !late) return { do: 'operator', why: `money came back of a ${attempt.step}` }
  if (denied(all) || isBroken(all)) {
    return { do: 'operator', why: 'money came back of a payment that the rail denies' }
  }
  const settled = late ? attempt.amount : settledMinor(payment, attempt)
  const totalMinor = returnedMinor(all) + evidence.amount
  if (totalMinor > settled) {
    return { do: 'operator', why: `${String(totalMinor)} came back of ${String(settled)}` }
  }
  if (evidence.disputed && payment.dispute === null) return { do: 'dispute' }
  return { do: 'post', move: { type: 'returned', amountMinor: evidence.amount, totalMinor, late } }
}

/** What the attempt settled: less than it was for, where less was captured. */
function settledMinor(payment: PaymentRow, attempt: AttemptRow): bigint {
  return payment.status === 'succeeded' && attempt.operation === 'collect' ? payment.captured_amount : attempt.amount
}

function lateSettled(all: readonly EvidenceRow[]): boolean {
  return all.some(({ kind, moved }) => kind === 'settled' && moved !== null)
}

/** What the rail denied has been named as a break, which stays so once people have ended it. */
function denied(all: readonly EvidenceRow[]): boolean {
  return all.some(({ kind, moved }) => (kind === 'declined' || kind === 'not_found') && moved !== null)
}

function isBroken(all: readonly EvidenceRow[]): boolean {
  return all.some(({ result }) => result === 'broken')
}

function returnedMinor(all: readonly EvidenceRow[]): bigint {
  return all.reduce((sum, { kind, moved }) => (kind === 'returned' ? sum + (moved ?? 0n) : sum), 0n)
}
