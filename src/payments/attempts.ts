import { timestamp } from '../domain/clock.ts'
import {
  type AttemptState,
  type RailStep,
  FAST_WINDOW_MS,
  SEND_WINDOW_MS,
  inquiryWaitMs,
  isInquiryDue,
  JITTER,
} from '../domain/attempt.ts'
import type { Failpoint } from '../config/failpoint.ts'
import type { Columns } from '../ledger/index.ts'
import type { RailOutcome } from '../rails/port.ts'
import type { Bearer } from './bearer.ts'
import type { InFlightCalls } from './in-flight.ts'
import { orderOf } from './order.ts'
import { KEPT, type OutcomeDeps, type Recorded, recordOutcome } from './outcome.ts'
import { askAt } from './rail-health.ts'
import type { AttemptRow } from './rows.ts'
import type { WatchedRail } from './watched-rail.ts'

/**
 * Calls at rails, for whatever they serve: journal, fence, send, hear, ask.
 *
 *  A1 The call's journal is committed before its first byte leaves (payments.md, rule 1).
 *  A2 Only the one that made the journal sends, within the send window (rule 7).
 *  A3 Every outcome is written by compare-and-set, and read back before anything follows (rule 9).
 */

export type AttemptDeps = OutcomeDeps & {
  rails: ReadonlyMap<string, WatchedRail>
  calls: InFlightCalls
  /** Tells the workflow of a payment or refund to look; best effort, its own timer is behind it. */
  wake: (bearer: string) => void
  failpoint: Failpoint
}

/** A call as it is to be sent. */
export type Call = {
  step: RailStep
  /** The states in which the journal may be written: this very attempt must be in one of them. */
  from: readonly AttemptState[]
  /** Nothing of the payment has been sent before, so it must not begin after its time. */
  beforeStartBy: boolean
  /** Written with the journal: that its workflow has taken the payment over. */
  payment?: Columns<'payment'>
  /** Names the payment for failpoints: its amount. */
  tag: string
}

export type Sent =
  /** Somebody else was first, or it is too late: read again. */
  | { kind: 'not_begun' }
  /** Within the fast window. */
  | { kind: 'ended'; recorded: Recorded }
  /** The process goes on awaiting the answer. */
  | { kind: 'in_flight' }

export type Caller = {
  send(bearer: Bearer, attempt: AttemptRow, call: Call): Promise<Sent>
  /**
   * Asks the rail what became of it and writes down what it says. Where the rail's budget has no turn for it, all that
   * is written is when to come back: an `unknown` would count as an inquiry, and take its place in the schedule.
   */
  inquire(bearer: Bearer, attempt: AttemptRow): Promise<Recorded>
}

export function makeCaller(deps: AttemptDeps): Caller {
  const { ledger, ids, clock } = deps

  function railOf(attempt: AttemptRow): WatchedRail {
    const rail = deps.rails.get(attempt.rail)
    if (rail === undefined) throw new Error(`no rail ${attempt.rail} is configured`)
    return rail
  }

  /** The row as this call leaves it, and the columns that differ. */
  function journalOf(attempt: AttemptRow, step: RailStep, token: string, nowMs: number, deadlineMs: number) {
    const same = step === attempt.step
    const journal = {
      step,
      state: 'dispatched' as const,
      dispatch_token: token,
      sends: same ? attempt.sends + 1 : 1,
      inquiries: same ? attempt.inquiries : 0,
    }
    const kept = same && attempt.dispatched_at !== null && attempt.state !== 'prepared'
    // A resend is the same message: its wire time is that of the first.
    const dispatchedAt = kept && attempt.state === 'not_found' ? attempt.dispatched_at : new Date(nowMs)
    return {
      after: { ...attempt, ...journal, dispatched_at: dispatchedAt, asks: null },
      columns: {
        ...journal,
        asks: null,
        // What the payer typed is kept no longer than it takes to send it.
        input: null,
        evidence: null,
        dispatched_at: timestamp(dispatchedAt?.getTime() ?? nowMs),
        next_look_at: timestamp(nowMs + deadlineMs),
        updated_at: timestamp(nowMs),
      },
    }
  }

  async function call(
    rail: WatchedRail,
    bearer: Bearer,
    { attempt, resent }: { attempt: AttemptRow; resent: boolean },
    token: string,
    started: number,
    tag: string,
  ) {
    const outcome = await rail.send(orderOf(attempt), {
      signal: AbortSignal.timeout(rail.profile.deadlineMs),
      mayWrite: () => clock.monotonic() - started < SEND_WINDOW_MS,
      onSent: () => deps.failpoint('first-byte-sent', tag),
    })
    deps.failpoint('answer-received', tag)
    alarm(rail.id, outcome)
    const heard = { bearer: bearer.id, no: attempt.no, step: attempt.step, token, resent, outcome }
    const recorded = await recordOutcome(deps, heard, { ...bearer, attempt })
    deps.failpoint('outcome-written', tag)
    return recorded
  }

  function alarm(rail: string, outcome: RailOutcome): void {
    if ('alarm' in outcome && outcome.alarm)
      deps.log.error({ rail, outcome: outcome.kind }, 'a rail answered what it should never answer us')
  }

  return {
    async send(bearer, attempt, { step, from, beforeStartBy, payment, tag }) {
      const rail = railOf(attempt)
      const started = clock.monotonic()
      const token = ids.uuid()
      const { after, columns } = journalOf(attempt, step, token, clock.now(), rail.profile.deadlineMs)
      deps.failpoint('journal-before-commit', tag)
      const journalled = await ledger.apply({
        id: ids.uuid(),
        guard: {
          ...(bearer.guard === null
            ? {}
            : { payment: { ...bearer.guard, ...(beforeStartBy ? { before_start_by: true as const } : {}) } }),
          attempt: {
            payment: attempt.payment,
            no: attempt.no,
            states: [...from],
            ...(attempt.dispatch_token === null ? {} : { token: attempt.dispatch_token }),
          },
        },
        ok: { attempt: columns, ...(payment === undefined ? {} : { payment }) },
      })
      if (journalled.code !== 'ok') return { kind: 'not_begun' }
      deps.failpoint('journalled', tag)

      const made = { attempt: after, resent: isResent(attempt, step) }
      const answered = deps.calls.run(attempt.reference, () => call(rail, bearer, made, token, started, tag))
      const inTime = await withinFastWindow(answered)
      if (inTime !== null) return { kind: 'ended', recorded: inTime }
      // Hand-over: the process keeps awaiting the answer; the workflow waits outside its task.
      void answered.then(
        () => deps.wake(bearer.id),
        (error: unknown) =>
          deps.log.error({ err: error, for: bearer.id }, 'an outcome could not be written; the inquiry will find it'),
      )
      return { kind: 'in_flight' }
    },

    async inquire(bearer, attempt) {
      const rail = railOf(attempt)
      const { deadlineMs, inquiryGapsMs: gapsMs } = rail.profile
      const lane = isInquiryDue(attempt, clock.now(), { deadlineMs, gapsMs }) ? 'scheduled' : 'woken'
      const outcome = await rail.ask(orderOf(attempt), lane)
      if (outcome.kind === 'not_asked') {
        await askAt(deps, attempt, clock.now() + outcome.afterMs)
        return KEPT
      }
      const tag = attempt.amount.toString()
      deps.failpoint('inquiry-answered', tag)
      alarm(rail.id, outcome)
      const sinceMs = clock.now() - (attempt.dispatched_at?.getTime() ?? 0)
      const waitMs = inquiryWaitMs(sinceMs, { deadlineMs, gapsMs }) * jitter()
      const recorded = await recordOutcome(deps, {
        bearer: bearer.id,
        no: attempt.no,
        step: attempt.step,
        ...(attempt.dispatch_token === null ? {} : { token: attempt.dispatch_token }),
        outcome,
        inquiry: { nextLookAtMs: clock.now() + waitMs },
      })
      deps.failpoint('inquiry-written', tag)
      return recorded
    },
  }
}

/**
 * Whether this is the order itself once more, which the rail may have after all and not show yet. A step after it is
 * not: what it left behind at the rail is given back.
 */
function isResent({ step: before, state }: AttemptRow, step: RailStep): boolean {
  return step === 'submit' && before === step && state === 'not_found'
}

const jitter = (): number => 1 - JITTER + 2 * JITTER * Math.random()

/** What the call came to, null where it did not end within the fast window; its failure is the caller's to see only then. */
async function withinFastWindow<T>(answered: Promise<T>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined
  const window = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), FAST_WINDOW_MS)
  })
  try {
    return await Promise.race([answered, window])
  } finally {
    clearTimeout(timer)
  }
}
