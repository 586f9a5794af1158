import type { NextAction } from '../contract/index.ts'
import { type Clock, timestamp } from '../domain/clock.ts'
import { UNSENT, type AttemptState, type RailStep, isUnresolved } from '../domain/attempt.ts'
import type { Failpoint, FailpointName } from '../config/failpoint.ts'
import type { FeePlan } from '../domain/fee.ts'
import type { Ledger, Unit } from '../ledger/index.ts'
import type { Log } from '../observe/log.ts'
import type { PaymentIds } from './events.ts'
import type { Caller } from './attempts.ts'
import type { Bearer } from './bearer.ts'
import { captureInPart } from './capture.ts'
import { awaitRail, confirm, handOver, release, success, takeOver } from './moves.ts'
import { type Next, type Profiles, nextOf } from './next.ts'
import type { AttemptRow, PaymentState } from './rows.ts'
import type { PaymentStore } from './store.ts'

/**
 * The steps of a payment, each a compare-and-set on what Postgres holds:
 *
 *  S1 A step run again reads where the payment stands and repeats nothing.
 *  S2 What a step wrote it says; whatever else may have happened it reads (attempts.ts).
 *  S3 A step goes on to the next while that is due at once, from the state as it was read or written a moment ago;
 *     where that is stale the compare-and-set fails and it is read. Each still commits by itself: one that dies in between is
 *     run again from its first.
 */
export type Steps = Record<StepName, (id: string) => Promise<Next>>
export type StepName = 'reserve' | 'dispatch' | 'confirm' | 'release' | 'hold' | 'look' | 'inquire'

/** What comes next, and the payment as this step leaves it; null where it must be read. */
type Stride = { next: Next; state: PaymentState | null }
/** A single step, `known` the payment as the one before left it. */
type Striding = (id: string, known: PaymentState | null) => Promise<Stride>
export type Strides = Record<StepName, Striding>

export type StepDeps = {
  store: PaymentStore
  ledger: Ledger
  ids: PaymentIds
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
/** Steps that may follow within one, so that none runs without end. */
const ONWARD_MAX = 4

export function makeStrides(deps: StepDeps): Strides {
  const { store, ledger, ids, clock } = deps

  async function load(id: string): Promise<PaymentState> {
    const state = await store.state(id)
    if (state === null) throw new Error(`there is no payment ${id}`)
    return state
  }

  /**
   * Reads, decides, applies; again where someone else was first. `decide` names the unit and what comes after it,
   * or null where there is nothing to do. `around`: the failpoints before and after its commit.
   */
  async function settleOn(
    id: string,
    known: PaymentState | null,
    around: readonly [before: FailpointName, after: FailpointName] | null,
    decide: (state: PaymentState) => Promise<{ unit: Unit; after: Next } | null> | { unit: Unit; after: Next } | null,
  ): Promise<{ state: PaymentState; next: Next; applied: boolean }> {
    for (let i = 0; i < CAS_TRIES; i++) {
      const state = i === 0 && known !== null ? known : await load(id)
      const decided = await decide(state)
      if (decided === null) return { state, next: next(state), applied: false }
      const tag = state.payment.amount.toString()
      if (around !== null) deps.failpoint(around[0], tag)
      const result = await ledger.apply(decided.unit)
      if (result.code === 'ok') {
        if (around !== null) deps.failpoint(around[1], tag)
        return { state, next: decided.after, applied: true }
      }
      if (result.code !== 'guard_failed') throw new Error(`a step of ${id} was answered ${JSON.stringify(result)}`)
    }
    throw new Error(`the state of ${id} kept changing`)
  }

  const next = (state: PaymentState): Next => nextOf(state, clock.now(), deps.profiles)
  const from = (state: PaymentState): Stride => ({ next: next(state), state })
  const reread = async (id: string): Promise<Stride> => from(await load(id))

  /** The same once its workflow has it, which is not a visible change. */
  function taken(state: PaymentState): PaymentState & { payment: { started_at: Date } } {
    return { ...state, payment: { ...state.payment, started_at: state.payment.started_at ?? new Date(clock.now()) } }
  }

  /** The money has moved and its payment ended with it. */
  function succeeded({ payment }: PaymentState): Stride {
    deps.failpoint('confirmed', payment.amount.toString())
    return { next: { step: 'done', status: 'succeeded' }, state: null }
  }

  const strides: Strides = {
    async reserve(id) {
      const state = await load(id)
      const { payment } = state
      if (payment.status !== 'processing' || payment.started_at !== null) return from(state)
      // Written with the first thing that follows, where that is due now.
      if (isDue(next(state))) return from(taken(state))
      const result = await ledger.apply(takeOver(state, ids, clock.now()))
      return result.code === 'ok' ? from(taken(state)) : reread(id)
    },

    async dispatch(id, known) {
      const state = taken(known ?? (await load(id)))
      const ahead = next(state)
      const { attempt, payment } = state
      if (ahead.step !== 'dispatch' || ahead.afterMs > 0 || attempt === null) return from(state)
      const begins = sentFrom(attempt, ahead.call)
      const first = begins === UNSENT && (ahead.call === 'submit' || ahead.call === 'prepare')
      const sent = await deps.caller.send(bearerOf(state, ids), attempt, {
        step: ahead.call,
        from: begins,
        beforeStartBy: first,
        ...(first ? { payment: { started_at: timestamp(payment.started_at.getTime()) } } : {}),
        tag: payment.amount.toString(),
      })
      // What this very compare-and-set wrote needs no reading back; anything else does (A3).
      if (sent.kind === 'ended' && sent.recorded.ended) return succeeded(state)
      if (sent.kind !== 'in_flight') return reread(id)
      const awaited = await settleOn(id, null, ['awaiting-before-commit', 'awaiting-written'], (at) => {
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
      return { next: awaited.next, state: null }
    },

    async confirm(id, known) {
      const confirmed = await settleOn(id, known, null, async (at) => {
        if (next(at).step !== 'confirm') return null
        const part = await captureInPart(deps, at)
        return { unit: confirm(at, ids, clock.now(), part), after: { step: 'done', status: 'succeeded' } }
      })
      return confirmed.applied ? succeeded(confirmed.state) : { next: confirmed.next, state: null }
    },

    async release(id, known) {
      const released = await settleOn(id, known, ['release-before-commit', 'released'], (at) => {
        const ahead = next(at)
        if (ahead.step !== 'release') return null
        const { unit } = release(at, ahead.end, at.attempt === null ? [] : [at.attempt.state], ids, clock.now())
        return { unit, after: { step: 'done', status: ahead.end.status } }
      })
      return { next: released.next, state: null }
    },

    async hold(id, known) {
      const held = await settleOn(id, known, null, (at) => {
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
      return { next: held.next, state: null }
    },

    look: reread,

    async inquire(id) {
      const state = await load(id)
      const { attempt } = state
      const ahead = next(state)
      if (ahead.step !== 'wait' || ahead.ms > 0 || attempt === null || !isUnresolved(attempt.state)) return from(state)
      const { ended } = await deps.caller.inquire(bearerOf(state, ids), attempt)
      return ended ? succeeded(state) : reread(id)
    },
  }
  return strides
}

/** The steps, each with those that follow at once (S3). */
export function goingOn(strides: Strides): Steps {
  const onward =
    (step: StepName) =>
    async (id: string): Promise<Next> => {
      let stride = await strides[step](id, null)
      for (let i = 0; i < ONWARD_MAX && isDue(stride.next); i++)
        stride = await strides[stride.next.step](id, stride.state)
      return stride.next
    }
  return {
    reserve: onward('reserve'),
    dispatch: onward('dispatch'),
    confirm: onward('confirm'),
    release: onward('release'),
    hold: onward('hold'),
    look: onward('look'),
    // May take as long as the rail's deadline as it is.
    inquire: async (id) => (await strides.inquire(id, null)).next,
  }
}

type Due = Extract<Next, { step: 'dispatch' | 'confirm' | 'release' }>

function isDue(next: Next): next is Due {
  return next.step === 'confirm' || next.step === 'release' || (next.step === 'dispatch' && next.afterMs === 0)
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
export function bearerOf(state: PaymentState, ids: PaymentIds): Bearer {
  const { payment, attempt } = state
  return {
    id: payment.id,
    guard: { id: payment.id, version: payment.version },
    attempt,
    awaiting: (nowMs) => awaitRail(state, ids, nowMs),
    ending(settled, nowMs) {
      // What is captured is priced first; what stands otherwise than it should says so in the step that would end it.
      const plain = payment.status === 'processing' && payment.capture_requested === null
      if (!plain || state.holds.length === 0) return null
      return success({ ...state, attempt: settled }, ids, nowMs)
    },
  }
}
