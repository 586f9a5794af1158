/** What an intent at a rail is for. */
export const RAIL_OPERATIONS = ['collect', 'payOut', 'refund'] as const
export type RailOperation = (typeof RAIL_OPERATIONS)[number]

/**
 * Calls that make up one intent. Most rails need one, `submit`; one that reserves
 * first has `prepare`, `validate` where the payer must type a code, then `confirm`
 * or `cancel`. A step that settles is followed by the next one; `submit` and
 * `confirm` are those that move money.
 */
export const RAIL_STEPS = ['submit', 'prepare', 'validate', 'confirm', 'cancel'] as const
export type RailStep = (typeof RAIL_STEPS)[number]

export function movesMoney(step: RailStep): boolean {
  return step === 'submit' || step === 'confirm'
}

/**
 * States of an attempt's present step (payments.md, Attempts). `pending` and
 * `unknown` are never ended by time: only evidence ends them.
 */
export const ATTEMPT_STATES = [
  'prepared',
  'dispatched',
  'settled',
  'declined',
  'pending',
  'unknown',
  'not_sent',
  'not_found',
] as const
export type AttemptState = (typeof ATTEMPT_STATES)[number]

/** Dispatched and without an outcome: the rail may have moved money, or may yet. */
export const UNRESOLVED = ['dispatched', 'pending', 'unknown'] as const satisfies readonly AttemptState[]

/** Nothing of it has left this house. */
export const UNSENT = ['prepared', 'not_sent'] as const satisfies readonly AttemptState[]

export function isUnresolved(state: AttemptState): boolean {
  return (UNRESOLVED as readonly AttemptState[]).includes(state)
}

export function isUnsent(state: AttemptState): boolean {
  return (UNSENT as readonly AttemptState[]).includes(state)
}

/** Within this the answer is part of the payment's first workflow task. */
export const FAST_WINDOW_MS = 1_500
/** After the journal was written no first byte leaves later than this (payments.md, rule 7). */
export const SEND_WINDOW_MS = 3_000

/** Gaps between the inquiries a rail is asked without rules of its own, from the deadline on, ms. */
export const INQUIRY_GAPS_MS = [0, 2_000, 10_000, 60_000, 90_000] as const

const DAY_MS = 86_400_000
/** Gaps are up to this share shorter or longer, so that attempts that failed together are not asked about together. */
export const JITTER = 0.1
/** What is left of a gap is waited for where it is more than this share of it: jitter (± 10 %) asks early, not twice. */
const GAP_LEFT_MIN = 0.15

export type InquirySchedule = { deadlineMs: number; gapsMs: readonly number[] }

/**
 * Wait until the next inquiry, without jitter, as of `sinceDispatchMs` after the call was first journalled: what is left
 * of the rail's schedule, which begins at its deadline, then every 5 min for 24 h, then hourly. By time and not by
 * number: an inquiry that came early, woken by a callback or by the rail's recovery, takes none of the schedule's away.
 */
export function inquiryWaitMs(sinceDispatchMs: number, { deadlineMs, gapsMs }: InquirySchedule): number {
  let atMs = deadlineMs
  for (const [i, gapMs] of gapsMs.entries()) {
    atMs += gapMs
    const wholeMs = i === 0 ? deadlineMs : gapMs
    if (atMs - sinceDispatchMs > wholeMs * GAP_LEFT_MIN) return atMs - sinceDispatchMs
  }
  return longGapMs(sinceDispatchMs)
}

/**
 * Whether an inquiry now is one of the schedule, and not one that a callback, an operator or the rail's recovery woke.
 * It is read from when something was last heard of the attempt (`updated_at`), which waking one does not change: nobody
 * who wakes an inquiry can make it pass for a scheduled one.
 */
export function isInquiryDue(
  attempt: { state: AttemptState; dispatched_at: Date | null; updated_at: Date; inquiries: number },
  nowMs: number,
  schedule: InquirySchedule,
): boolean {
  const { state, dispatched_at: dispatchedAt, updated_at: heardAt, inquiries } = attempt
  // A lost answer is asked about at once.
  if (dispatchedAt === null || (state === 'unknown' && inquiries === 0)) return true
  const waitMs = inquiryWaitMs(heardAt.getTime() - dispatchedAt.getTime(), schedule)
  return nowMs - heardAt.getTime() >= waitMs * (1 - JITTER)
}

/** Where a schedule has ended: every 5 min for 24 h, then hourly. */
export function longGapMs(sinceMs: number): number {
  return sinceMs < DAY_MS ? 300_000 : 3_600_000
}

/** Wait before a call that was not sent is sent again: 0.5, 1, 2, 4, 8, 8 … s. */
export function resendGapMs(sends: number): number {
  return Math.min(500 * 2 ** Math.max(0, sends - 1), 8_000)
}
