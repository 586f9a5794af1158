import type { FailureCode, PaymentStatus, RefundStatus } from '../contract/names.ts'
import type { RailStep } from '../domain/attempt.ts'
import { isTerminal } from '../domain/payment.ts'
import { assertNever } from '../domain/result.ts'
import type { RailProfile } from '../rails/port.ts'
import type { AttemptRow, PaymentRow, PaymentState } from './rows.ts'

/**
 * What a payment needs next, read from where it stands. The workflow asks after
 * every step, so a run from the first step repeats nothing (steps.ts, S1).
 */
export type Next =
  /** Send this step's call. */
  | { step: 'dispatch'; call: RailStep; afterMs: number }
  /** The money has moved, or moves in our own books: post it. */
  | { step: 'confirm' }
  | { step: 'release'; end: Ending }
  /** It is the payer's turn, or the merchant's: say so. */
  | { step: 'hold'; until: 'requires_action' | 'requires_capture' }
  /** For somebody else, at most `ms` (0: ask the rail now). */
  | { step: 'wait'; ms: number; why: string; stage: Stage }
  | { step: 'done'; status: PaymentStatus | RefundStatus }

/** Where a waiting payment stands, for those who search for it in Temporal (MooringStage). */
export const STAGES = [
  'awaiting_rail',
  'outcome_unknown',
  'needs_operator',
  'awaiting_payer',
  'awaiting_merchant',
] as const
export type Stage = (typeof STAGES)[number]

export type Ending = {
  status: Extract<PaymentStatus, 'failed' | 'canceled' | 'expired'>
  failure?: { code: FailureCode; message: string }
}

const CANCEL: Next = { step: 'dispatch', call: 'cancel', afterMs: 0 }

/** Profiles of the rails, by id. */
export type Profiles = (rail: string) => RailProfile

export function nextOf(state: PaymentState, nowMs: number, profiles: Profiles): Next {
  const { payment, attempt } = state
  if (isTerminal(payment.status) || payment.accepted_at === null) return { step: 'done', status: payment.status }
  return attempt === null ? ofOwnBooks(payment, nowMs) : ofRail(payment, attempt, nowMs, profiles(attempt.rail))
}

/** A payment whose legs are all in our ledger: nobody else is asked. */
function ofOwnBooks(payment: PaymentRow, nowMs: number): Next {
  if (payment.status === 'processing') {
    if (isLate(payment, nowMs)) return { step: 'release', end: { status: 'expired' } }
    return payment.capture_method === 'manual' ? { step: 'hold', until: 'requires_capture' } : { step: 'confirm' }
  }
  if (payment.cancel_requested_at !== null) return { step: 'release', end: { status: 'canceled' } }
  if (payment.capture_requested !== null) return { step: 'confirm' }
  return hasExpired(payment, nowMs) ? { step: 'release', end: { status: 'expired' } } : held(payment, nowMs)
}

function ofRail(payment: PaymentRow, attempt: AttemptRow, nowMs: number, profile: RailProfile): Next {
  const first = attempt.step === 'submit' || attempt.step === 'prepare'
  switch (attempt.state) {
    case 'prepared':
      if (isLate(payment, nowMs)) return first ? { step: 'release', end: { status: 'expired' } } : CANCEL
      return { step: 'dispatch', call: attempt.step, afterMs: 0 }
    case 'not_sent':
      if (!isLate(payment, nowMs)) return again(attempt, nowMs)
      // A reservation that cannot be used any more is given back; that is tried until it succeeds.
      if (attempt.step === 'cancel') return again(attempt, nowMs)
      return first ? { step: 'release', end: unreachable() } : CANCEL
    case 'dispatched':
      return wait(attempt, nowMs, `the answer of ${attempt.rail}`, stageOf(payment, 'awaiting_rail'))
    case 'pending':
      return wait(attempt, nowMs, `the decision of ${attempt.rail}`, stageOf(payment, 'awaiting_rail'))
    case 'unknown':
      return wait(attempt, nowMs, `an inquiry at ${attempt.rail}`, stageOf(payment, 'outcome_unknown'))
    case 'settled':
      return ofSettled(payment, attempt, nowMs)
    case 'declined':
      return ofDeclined(payment, attempt)
    case 'not_found':
      return ofNotFound(payment, attempt, nowMs, profile)
    default:
      return assertNever(attempt.state, 'attempt state')
  }
}

function ofSettled(payment: PaymentRow, attempt: AttemptRow, nowMs: number): Next {
  switch (attempt.step) {
    case 'submit':
    case 'confirm':
      return { step: 'confirm' }
    case 'cancel':
      return { step: 'release', end: endOfCancelled(payment) }
    case 'prepare':
    case 'validate':
      return ofReserved(payment, attempt, nowMs)
    default:
      return assertNever(attempt.step, 'rail step')
  }
}

/** The rail holds the money for us, or will once the payer has typed a code: use it, give it back, or wait for whoever's turn it is. */
function ofReserved(payment: PaymentRow, attempt: AttemptRow, nowMs: number): Next {
  if (payment.cancel_requested_at !== null) return CANCEL
  if (attempt.asks === 'code') {
    if (payment.status !== 'requires_action') return { step: 'hold', until: 'requires_action' }
    return hasExpired(payment, nowMs) ? CANCEL : held(payment, nowMs)
  }
  if (payment.capture_method === 'automatic' || payment.capture_requested !== null) {
    return { step: 'dispatch', call: 'confirm', afterMs: 0 }
  }
  if (payment.status !== 'requires_capture') return { step: 'hold', until: 'requires_capture' }
  return hasExpired(payment, nowMs) ? CANCEL : held(payment, nowMs)
}

function ofDeclined(payment: PaymentRow, attempt: AttemptRow): Next {
  // Operators have said so, as no rail does of a reservation (outcome.ts): no money moved.
  if (attempt.step === 'cancel') return { step: 'release', end: endOfCancelled(payment) }
  const code = attempt.failure_code ?? 'declined_by_rail'
  const message = attempt.failure_message ?? 'The payment was declined. Nothing was charged.'
  return { step: 'release', end: endOfRefused(payment, code, message) }
}

function ofNotFound(payment: PaymentRow, attempt: AttemptRow, nowMs: number, profile: RailProfile): Next {
  const meaning = profile.notFound[attempt.step]
  if (meaning === 'resend') return again(attempt, nowMs)
  // The connector never says so where its rail has no rule for it: it says `unknown`.
  if (meaning === undefined) throw new Error(`${attempt.rail} has no rule for an unknown reference at ${attempt.step}`)
  const message = 'The payment never arrived. Nothing was charged; you can pay again.'
  return { step: 'release', end: endOfRefused(payment, 'not_executed', message) }
}

/** What was held for its merchant did not fail: it is given back, and the failure says why it was not captured. */
function endOfRefused(payment: PaymentRow, code: FailureCode, message: string): Ending {
  const end = failed(code, message)
  return payment.status === 'requires_capture' ? { ...end, status: 'canceled' } : end
}

/** What a payment ends as whose reservation was given back. */
function endOfCancelled(payment: PaymentRow): Ending {
  if (payment.cancel_requested_at !== null) return { status: 'canceled' }
  return payment.status === 'processing' ? unreachable() : { status: 'expired' }
}

function unreachable(): Ending {
  return failed('rail_unavailable', 'The bank or operator could not be reached. Nothing was charged; try again later.')
}

function failed(code: FailureCode, message: string): Ending {
  return { status: 'failed', failure: { code, message } }
}

const again = (attempt: AttemptRow, nowMs: number): Next => ({
  step: 'dispatch',
  call: attempt.step,
  afterMs: untilMs(attempt, nowMs),
})

/** What operators were called to stays with them, while the rail is asked on. */
function stageOf(payment: PaymentRow, stage: Stage): Stage {
  return payment.status_reason === 'needs_operator' ? 'needs_operator' : stage
}

function wait(attempt: AttemptRow, nowMs: number, why: string, stage: Stage): Next {
  return { step: 'wait', ms: untilMs(attempt, nowMs), why, stage }
}

/** Held for its payer or merchant, until it expires. */
function held(payment: PaymentRow, nowMs: number): Next {
  const ms = payment.expires_at === null ? HELD_LOOK_MS : Math.max(1, payment.expires_at.getTime() - nowMs)
  return payment.status === 'requires_action'
    ? { step: 'wait', ms, why: 'the payer', stage: 'awaiting_payer' }
    : { step: 'wait', ms, why: 'the merchant to capture or cancel', stage: 'awaiting_merchant' }
}

/** What never expires is looked at once a day all the same. */
const HELD_LOOK_MS = 86_400_000

/** Whether no call may begin any more: a capture may as long as the hold stands, all else until `start_by`. */
function isLate(payment: PaymentRow, nowMs: number): boolean {
  if (payment.status === 'requires_capture') return hasExpired(payment, nowMs)
  return payment.start_by !== null && payment.start_by.getTime() <= nowMs
}
const hasExpired = (payment: PaymentRow, nowMs: number): boolean =>
  payment.expires_at !== null && payment.expires_at.getTime() <= nowMs

function untilMs(attempt: AttemptRow, nowMs: number): number {
  return attempt.next_look_at === null ? 0 : Math.max(0, attempt.next_look_at.getTime() - nowMs)
}
