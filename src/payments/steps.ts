import type { NextAction } from '../contract/index.ts'
import { type Clock, timestamp } from '../domain/clock.ts'
import { UNSENT, type AttemptState, type RailStep, isUnresolved } from '../domain/attempt.ts'
import type { Failpoint } from '../config/failpoint.ts'
import type { FeePlan } from '../domain/fee.ts'
import type { Ids } from '../domain/ids.ts'
import type { Ledger, Unit } from '../ledger/index.ts'
import type { Log } from '../observe/log.ts'
import type { Caller } from './attempts.ts'
import type { Bearer } from './bearer.ts'
import { captureInPart } from './capture.ts'
import { awaitRail, confirm, handOver, release, takeOver } from './moves.ts'
import { type Next, type Profiles, nextOf } from './next.ts'
import type { AttemptRow, PaymentState } from './rows.ts'
import type { PaymentStore } from './store.ts'

/**
 * The steps of a payment, each a compare-and-set on what Postgres holds:
 *
 *  S1 A step run again reads where the payment stands and repeats nothing.
 *  S2 What a step wrote it says; whatever else may have happened it reads (attempts.ts).
 */
export type Steps = {
  reserve(id: string): Promise<Next>
  dispatch(id: string): Promise<Next>
  confirm(id: string): Promise<Next>
  release(id: string): Promise<Next>
  hold(id: string): Promise<Next>
  look(id: string): Promise<Next>
  inquire(id: string): Promise<Next>
}

export type StepDeps = {
  store: PaymentStore
  ledger: Ledger
  ids: Ids
  clock: Clock
  log: Log
  caller: Caller
  profiles: Profiles
  /** The plan a payment was priced with: a capture in part is priced by it again. */
  feePlan: (id: string) => Promise<FeePlan>
  /** How long a payer has to type a code, and a merchant to capture, ms. */
  holds: { actionMs: number; captureMs: number }
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
    decide: (state: PaymentState) => Promise<{ unit: Unit; after: Next } | null> | { unit: Unit; after: Next } | null,
  ): Promise<{ state: PaymentState; next: Next }> {
    for (let i = 0; i < CAS_TRIES; i++) {
      const state = await load(id)
      const decided = await decide(state)
      if (decided === null) return { state, next: next(state) }
      const result = await ledger.apply(decided.unit)
      if (result.code === 'ok') return { state, next: decided.after }
      if (result.code !== 'guard_failed') throw new Error(`a step of ${id} was answered ${JSON.stringify(result)}`)
    }
    throw new Error(`the state of ${id} kept changing`)
  }

  const next = (state: PaymentState): Next => nextOf(state, clock.now(), deps.profiles)

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
      const from = sentFrom(attempt, ahead.call)
      const first = from === UNSENT && (ahead.call === 'submit' || ahead.call === 'prepare')
      const sent = await deps.caller.send(bearerOf(state, ids), attempt, {
        step: ahead.call,
        from,
        beforeStartBy: first,
        tag: payment.amount.toString(),
      })
      // What this very compare-and-set wrote needs no reading back; anything else does (A3).
      const moves = ahead.call === 'submit' || ahead.call === 'confirm'
      if (sent.kind === 'ended' && sent.outcome === 'settled' && moves) return { step: 'confirm' }
      if (sent.kind !== 'in_flight') return next(await load(id))
      const awaited = await settleOn(id, (at) => {
        if (at.attempt === null || !isUnresolved(at.attempt.state)) return null
        const says = awaitRail(at, ids, clock.now())
        if (says.payment === undefined) return null
        const unit: Unit = {
          id: ids.uuid(),
          guard: { payment: { id, version: at.payment.version } },
          ok: says,
        }
        return { unit, after: next(at) }
      })
      return awaited.next
    },

    async confirm(id) {
      const confirmed = await settleOn(id, async (at) => {
        if (next(at).step !== 'confirm') return null
        const part = await captureInPart(deps, at)
        return { unit: confirm(at, ids, clock.now(), part), after: { step: 'done', status: 'succeeded' } }
      })
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

    async hold(id) {
      const held = await settleOn(id, (at) => {
        const ahead = next(at)
        if (ahead.step !== 'hold') return null
        const now = clock.now()
        const { actionMs, captureMs } = deps.holds
        const made =
          ahead.until === 'requires_action'
            ? handOver(at, { status: ahead.until, action: codeOf(at, now + actionMs) }, now + actionMs, ids, now)
            : handOver(at, { status: ahead.until }, now + captureMs, ids, now)
        return { unit: made.unit, after: next({ ...at, payment: made.after }) }
      })
      return held.next
    },

    async look(id) {
      return next(await load(id))
    },

    async inquire(id) {
      const state = await load(id)
      const { attempt } = state
      const ahead = next(state)
      if (ahead.step !== 'wait' || ahead.ms > 0 || attempt === null || !isUnresolved(attempt.state)) return ahead
      await deps.caller.inquire(bearerOf(state, ids), attempt)
      return next(await load(id))
    },
  }
}

/** What the payer is asked for: the code that its rail has sent to the phone. */
function codeOf({ attempt }: PaymentState, untilMs: number): NextAction {
  const hint = attempt === null ? {} : { hint: `··${attempt.account.slice(-4)}` }
  return { type: 'enter_code', expires_at: timestamp(untilMs), ...hint }
}

/** The states in which this call may begin: the same step again, or the one that follows. */
function sentFrom(attempt: AttemptRow, call: RailStep): readonly AttemptState[] {
  if (attempt.step !== call) return [attempt.state]
  return attempt.state === 'not_found' ? ['not_found'] : UNSENT
}

/** A payment as what its attempt serves. */
export function bearerOf(state: PaymentState, ids: Ids): Bearer {
  const { payment, attempt } = state
  return {
    id: payment.id,
    guard: { id: payment.id, version: payment.version },
    attempt,
    awaiting: (nowMs) => awaitRail(state, ids, nowMs),
  }
}
