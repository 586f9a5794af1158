import type { Clock } from '../domain/clock.ts'
import { timestamp } from '../domain/clock.ts'
import {
  FAST_WINDOW_MS,
  RAIL_DEADLINE_MS,
  SEND_WINDOW_MS,
  UNSENT,
  inquiryGapMs,
  isUnresolved,
} from '../domain/attempt.ts'
import type { Failpoint } from '../config/failpoint.ts'
import type { Ids } from '../domain/ids.ts'
import type { Ledger, Unit } from '../ledger/index.ts'
import type { Log } from '../observe/log.ts'
import type { BankRail, RailOutcome } from '../rails/port.ts'
import type { InFlightCalls } from './in-flight.ts'
import { awaitRail, confirm, release, takeOver } from './moves.ts'
import { type Next, nextOf } from './next.ts'
import { orderOf } from './order.ts'
import { type IncidentBook, recordOutcome } from './outcome.ts'
import type { PaymentState } from './rows.ts'
import type { PaymentStore } from './store.ts'

/**
 * The steps of a payment, each a compare-and-set on what Postgres holds:
 *
 *  S1 A step run again reads where the payment stands and repeats nothing.
 *  S2 The call's journal is committed before its first byte leaves (payments.md, rule 1).
 *  S3 Only the step that made `prepared → dispatched` sends, within the send window (rule 7).
 *  S4 Every outcome is written by compare-and-set, and read back before anything follows (rule 9).
 */
export type Steps = {
  reserve(id: string): Promise<Next>
  dispatch(id: string): Promise<Next>
  confirm(id: string): Promise<Next>
  release(id: string): Promise<Next>
  look(id: string): Promise<Next>
  inquire(id: string): Promise<Next>
}

export type StepDeps = {
  store: PaymentStore
  ledger: Ledger
  ids: Ids
  clock: Clock
  log: Log
  rails: ReadonlyMap<string, BankRail>
  calls: InFlightCalls
  incidents: IncidentBook
  /** Tells the payment's workflow to look; best effort, the workflow's own timer is behind it. */
  wake: (payment: string) => void
  /** Told of each authentic answer and each failure of a rail. */
  heard: (rail: string, answered: boolean) => void
  failpoint: Failpoint
}

/** Times a compare-and-set may lose to someone else before the step is left to its retry. */
const CAS_TRIES = 10

export function makeSteps(deps: StepDeps): Steps {
  const { store, ledger, ids, clock } = deps

  async function load(id: string): Promise<PaymentState> {
    const state = await store.state(id)
    if (state === null) throw new Error(`there is no payment ${id}`)
    return state
  }

  /**
   * Reads, decides, applies; again where someone else was first. `decide` names the unit and what comes after it,
   * or null where there is nothing to do.
   */
  async function settleOn(
    id: string,
    decide: (state: PaymentState) => { unit: Unit; after: Next } | null,
  ): Promise<{ state: PaymentState; next: Next }> {
    for (let i = 0; i < CAS_TRIES; i++) {
      const state = await load(id)
      const decided = decide(state)
      if (decided === null) return { state, next: next(state) }
      const result = await ledger.apply(decided.unit)
      if (result.code === 'ok') return { state, next: decided.after }
      if (result.code !== 'guard_failed') throw new Error(`a step of ${id} was answered ${JSON.stringify(result)}`)
    }
    throw new Error(`the state of ${id} kept changing`)
  }

  const next = (state: PaymentState): Next => nextOf(state, clock.now())

  return {
    async reserve(id) {
      const state = await load(id)
      if (state.payment.status !== 'processing' || state.payment.started_at !== null) return next(state)
      const result = await ledger.apply(takeOver(state, ids, clock.now()))
      return next(result.code === 'ok' ? state : await load(id))
    },

    async dispatch(id) {
      const state = await load(id)
      const ahead = next(state)
      const { attempt, payment } = state
      if (ahead.step !== 'dispatch' || ahead.afterMs > 0 || attempt === null) return ahead
      const rail = deps.rails.get(attempt.rail)
      if (rail === undefined) throw new Error(`no rail ${attempt.rail} is configured`)

      const started = clock.monotonic()
      const token = ids.uuid()
      const now = clock.now()
      const journal = { state: 'dispatched' as const, dispatch_token: token, sends: attempt.sends + 1 }
      const journalled = await ledger.apply({
        id: ids.uuid(),
        guard: {
          payment: { id, version: payment.version, before_start_by: true },
          attempt: { payment: id, no: attempt.no, states: [...UNSENT] },
        },
        ok: {
          attempt: {
            ...journal,
            dispatched_at: timestamp(now),
            next_look_at: timestamp(now + RAIL_DEADLINE_MS),
            updated_at: timestamp(now),
          },
        },
      })
      if (journalled.code !== 'ok') return next(await load(id))
      deps.failpoint('journalled', payment.amount.toString())

      const dispatched = { ...state, attempt: { ...attempt, ...journal, dispatched_at: new Date(now) } }
      const order = orderOf(dispatched.attempt)
      const answered = deps.calls.run(attempt.reference, async () => {
        const outcome = await rail.send(order, {
          signal: AbortSignal.timeout(RAIL_DEADLINE_MS),
          mayWrite: () => clock.monotonic() - started < SEND_WINDOW_MS,
          onSent: () => deps.failpoint('first-byte-sent', payment.amount.toString()),
        })
        deps.failpoint('answer-received', payment.amount.toString())
        note(attempt.rail, outcome)
        const recorded = await recordOutcome(deps, { payment: id, no: attempt.no, token, outcome }, dispatched)
        deps.failpoint('outcome-written', payment.amount.toString())
        return recorded
      })
      const inTime = await withinFastWindow(answered)
      // What this very compare-and-set wrote needs no reading back; anything else does (S4).
      if (inTime !== null) return inTime === 'settled' ? { step: 'confirm' } : next(await load(id))

      // Hand-over: the process keeps awaiting the answer; the workflow waits outside its task.
      void answered.then(
        () => deps.wake(id),
        (error: unknown) =>
          deps.log.error({ err: error, payment: id }, 'an outcome could not be written; the inquiry will find it'),
      )
      const awaited = await settleOn(id, (at) => {
        if (at.attempt === null || !isUnresolved(at.attempt.state) || at.payment.status_reason !== null) return null
        const unit: Unit = {
          id: ids.uuid(),
          guard: { payment: { id, version: at.payment.version } },
          ok: awaitRail(at, ids, clock.now()),
        }
        return { unit, after: next(at) }
      })
      return awaited.next
    },

    async confirm(id) {
      const confirmed = await settleOn(id, (at) =>
        next(at).step === 'confirm'
          ? { unit: confirm(at, ids, clock.now()), after: { step: 'done', status: 'succeeded' } }
          : null,
      )
      deps.failpoint('confirmed', confirmed.state.payment.amount.toString())
      return confirmed.next
    },

    async release(id) {
      const released = await settleOn(id, (at) => {
        const ahead = next(at)
        if (ahead.step !== 'release') return null
        const { unit } = release(at, ahead.end, at.attempt === null ? [] : [at.attempt.state], ids, clock.now())
        return { unit, after: { step: 'done', status: ahead.end.status } }
      })
      return released.next
    },

    async look(id) {
      return next(await load(id))
    },

    async inquire(id) {
      const state = await load(id)
      const { attempt } = state
      const ahead = next(state)
      if (ahead.step !== 'wait' || ahead.ms > 0 || attempt === null) return ahead
      const rail = deps.rails.get(attempt.rail)
      if (rail === undefined) throw new Error(`no rail ${attempt.rail} is configured`)
      const outcome = await rail.inquire(orderOf(attempt), AbortSignal.timeout(RAIL_DEADLINE_MS))
      note(attempt.rail, outcome)
      const sinceMs = clock.now() - (attempt.dispatched_at?.getTime() ?? 0)
      const gapMs = inquiryGapMs(attempt.inquiries + 1, sinceMs) * (0.9 + Math.random() / 5)
      await recordOutcome(deps, {
        payment: id,
        no: attempt.no,
        outcome,
        inquiry: { nextLookAtMs: clock.now() + gapMs },
      })
      return next(await load(id))
    },
  }

  function note(rail: string, outcome: RailOutcome): void {
    deps.heard(rail, outcome.kind !== 'unknown' && outcome.kind !== 'not_sent')
    if ((outcome.kind === 'unknown' || outcome.kind === 'declined') && outcome.alarm) {
      deps.log.error({ rail, outcome: outcome.kind }, 'a rail answered what it should never answer us')
    }
  }
}

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
