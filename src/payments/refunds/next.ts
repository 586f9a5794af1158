import type { FailureCode, RefundStatus } from '../../contract/names.ts'
import { assertNever } from '../../domain/result.ts'
import type { Ending, Next, Profiles } from '../next.ts'
import type { AttemptRow } from '../rows.ts'
import { REFUND_LIMITS } from './limits.ts'
import type { RefundRow, RefundState } from './rows.ts'

/** What ends a refund that does not happen. */
export type RefundEnding = Ending & { status: 'failed'; failure: { code: FailureCode; message: string } }

/** Where a refund may wait. */
export const REFUND_STAGES = ['awaiting_rail', 'outcome_unknown', 'needs_operator'] as const
type RefundStage = (typeof REFUND_STAGES)[number]

export type RefundNext =
  | Extract<Next, { step: 'dispatch' | 'confirm' }>
  | (Extract<Next, { step: 'wait' }> & { stage: RefundStage })
  | { step: 'done'; status: RefundStatus }
  | { step: 'release'; end: RefundEnding }

/**
 * What a refund needs next, read from where it stands (as next.ts for a payment). One that waits for its merchant's
 * money is nobody's at a rail yet: the tending begins it when there is some (tending.ts).
 */
export function nextOfRefund({ refund, attempt }: RefundState, nowMs: number, profiles: Profiles): RefundNext {
  if (refund.status !== 'processing') return { step: 'done', status: refund.status }
  // One that stays in our own books is over in the unit that begins it.
  if (attempt === null) throw new Error(`refund ${refund.id} is processing and has no attempt at a rail`)
  switch (attempt.state) {
    case 'prepared':
      return { step: 'dispatch', call: attempt.step, afterMs: 0 }
    case 'not_sent':
      return isLate(refund, nowMs) ? unreachable() : again(attempt, nowMs)
    case 'dispatched':
      return wait(refund, attempt, nowMs, `the answer of ${attempt.rail}`, 'awaiting_rail')
    case 'pending':
      return wait(refund, attempt, nowMs, `the decision of ${attempt.rail}`, 'awaiting_rail')
    case 'unknown':
      return wait(refund, attempt, nowMs, `an inquiry at ${attempt.rail}`, 'outcome_unknown')
    case 'settled':
      return { step: 'confirm' }
    case 'declined':
      return failed(attempt.failure_code ?? 'declined_by_rail', attempt.failure_message ?? 'The refund was declined.')
    case 'not_found':
      return ofNotFound(attempt, nowMs, profiles)
    default:
      return assertNever(attempt.state, 'attempt state')
  }
}

function ofNotFound(attempt: AttemptRow, nowMs: number, profiles: Profiles): RefundNext {
  const meaning = profiles(attempt.rail).notFound[attempt.step]
  if (meaning === 'resend') return again(attempt, nowMs)
  // The connector never says so where its rail has no rule for it: it says `unknown`.
  if (meaning === undefined) throw new Error(`${attempt.rail} has no rule for an unknown reference at ${attempt.step}`)
  return failed('not_executed', 'The refund never arrived, so nothing was paid back; make a new one.')
}

function unreachable(): RefundNext {
  return failed('rail_unavailable', 'The bank or operator could not be reached, so nothing was paid back; try later.')
}

function failed(code: FailureCode, message: string): RefundNext {
  return { step: 'release', end: { status: 'failed', failure: { code, message } } }
}

const again = (attempt: AttemptRow, nowMs: number): RefundNext => ({
  step: 'dispatch',
  call: attempt.step,
  afterMs: untilMs(attempt, nowMs),
})

function wait(refund: RefundRow, attempt: AttemptRow, nowMs: number, why: string, stage: RefundStage): RefundNext {
  // What operators were called to stays with them, while the rail is asked on.
  const at = refund.status_reason === 'needs_operator' ? 'needs_operator' : stage
  return { step: 'wait', ms: untilMs(attempt, nowMs), why, stage: at }
}

/** Counted from when it could first have been sent, or from what was last said of it. */
const isLate = (refund: RefundRow, nowMs: number): boolean =>
  refund.updated_at.getTime() + REFUND_LIMITS.send_within_ms <= nowMs

function untilMs(attempt: AttemptRow, nowMs: number): number {
  return attempt.next_look_at === null ? 0 : Math.max(0, attempt.next_look_at.getTime() - nowMs)
}
