import { isTerminal } from '../domain/payment.ts'
import { assertNever } from '../domain/result.ts'
import type { FailureCode, PaymentStatus } from '../contract/names.ts'
import type { AttemptRow, PaymentState } from './rows.ts'

/**
 * What a payment needs next, read from where it stands. The workflow asks after
 * every step, so a run from the first step repeats nothing (steps.ts, S1).
 */
export type Next =
  | { step: 'dispatch'; afterMs: number }
  | { step: 'confirm' }
  | { step: 'release'; end: Ending }
  /** For the rail: an answer, a callback, or the time of the next inquiry in `ms` (0: now). */
  | { step: 'wait'; ms: number; why: string }
  | { step: 'done'; status: PaymentStatus }

export type Ending = {
  status: Extract<PaymentStatus, 'failed' | 'expired'>
  failure?: { code: FailureCode; message: string }
}

export function nextOf(state: PaymentState, nowMs: number): Next {
  const { payment, attempt } = state
  if (isTerminal(payment.status) || payment.status !== 'processing') return { step: 'done', status: payment.status }
  const late = payment.start_by !== null && payment.start_by.getTime() <= nowMs
  if (attempt === null) return late ? { step: 'release', end: { status: 'expired' } } : { step: 'confirm' }
  switch (attempt.state) {
    case 'prepared':
      return late ? { step: 'release', end: { status: 'expired' } } : { step: 'dispatch', afterMs: 0 }
    case 'not_sent':
      return late
        ? {
            step: 'release',
            end: failed('rail_unavailable', 'The bank could not be reached. Nothing was charged; try again later.'),
          }
        : { step: 'dispatch', afterMs: untilMs(attempt, nowMs) }
    case 'dispatched':
      return { step: 'wait', ms: untilMs(attempt, nowMs), why: `the answer of ${attempt.rail}` }
    case 'pending':
      return { step: 'wait', ms: untilMs(attempt, nowMs), why: `the decision of ${attempt.rail}` }
    case 'unknown':
      return { step: 'wait', ms: untilMs(attempt, nowMs), why: `an inquiry at ${attempt.rail}: the outcome is unknown` }
    case 'settled':
      return { step: 'confirm' }
    case 'declined':
      return {
        step: 'release',
        end: failed(
          attempt.failure_code ?? 'declined_by_rail',
          attempt.failure_message ?? 'The bank declined. Nothing was charged.',
        ),
      }
    case 'not_found':
      return {
        step: 'release',
        end: failed('not_executed', 'The bank never received this payment. Nothing was charged; you can pay again.'),
      }
    default:
      return assertNever(attempt.state, 'attempt state')
  }
}

function failed(code: FailureCode, message: string): Ending {
  return { status: 'failed', failure: { code, message } }
}

function untilMs(attempt: AttemptRow, nowMs: number): number {
  return attempt.next_look_at === null ? 0 : Math.max(0, attempt.next_look_at.getTime() - nowMs)
}
