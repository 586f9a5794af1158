import type { Clock } from '../../domain/clock.ts'
import { UNSENT, isUnresolved } from '../../domain/attempt.ts'
import type { Failpoint } from '../../config/failpoint.ts'
import type { PaymentIds } from '../events.ts'
import type { Ledger, Unit } from '../../ledger/index.ts'
import type { Caller } from '../attempts.ts'
import type { Profiles } from '../next.ts'
import { bearerOfRefund } from './bearer.ts'
import { fail, say, settle } from './moves.ts'
import { nextOfRefund, type RefundNext } from './next.ts'
import type { RefundState } from './rows.ts'
import type { RefundStore } from './store.ts'
import type { Turns } from './turns.ts'

/** The steps of a refund, each a compare-and-set that run again repeats nothing (as steps.ts for a payment). */
export type RefundSteps = {
  look(id: string): Promise<RefundNext>
  dispatch(id: string): Promise<RefundNext>
  confirm(id: string): Promise<RefundNext>
  release(id: string): Promise<RefundNext>
  inquire(id: string): Promise<RefundNext>
}

export type RefundStepDeps = {
  refunds: RefundStore
  ledger: Ledger
  ids: PaymentIds
  clock: Clock
  caller: Caller
  profiles: Profiles
  turns: Turns
  failpoint: Failpoint
}

/** Times a compare-and-set may lose to other refunds of the payment before the step is left to its retry. */
const CAS_TRIES = 20

export function makeRefundSteps(deps: RefundStepDeps): RefundSteps {
  const { refunds, ledger, ids, clock } = deps

  async function load(id: string): Promise<RefundState> {
    const state = await refunds.state(id)
    if (state === null) throw new Error(`there is no refund ${id}`)
    return state
  }

  const next = (state: RefundState): RefundNext => nextOfRefund(state, clock.now(), deps.profiles)

  /** Reads, decides, applies; again where someone else was first. `decide` names the unit, null where there is none. */
  async function settleOn(id: string, decide: (state: RefundState) => Unit | null): Promise<RefundNext> {
    const { refund } = await load(id)
    return deps.turns.take(refund.payment, async () => {
      for (let i = 0; i < CAS_TRIES; i++) {
        const state = await load(id)
        const unit = decide(state)
        if (unit === null) return next(state)
        const result = await ledger.apply(unit)
        if (result.code === 'ok') return next(await load(id))
        if (result.code !== 'guard_failed') throw new Error(`a step of ${id} was answered ${JSON.stringify(result)}`)
      }
      throw new Error(`the state of ${id} kept changing`)
    })
  }

  /** The refund says so where its rail has not answered. */
  async function saidOf(id: string): Promise<RefundNext> {
    const state = await load(id)
    if (!waits(state)) return next(state)
    return settleOn(id, (at) => (waits(at) ? say(at, 'awaiting_rail', ids, clock.now()) : null))
  }

  return {
    async look(id) {
      return next(await load(id))
    },

    async dispatch(id) {
      const state = await load(id)
      const ahead = next(state)
      if (ahead.step !== 'dispatch' || ahead.afterMs > 0 || state.attempt === null) return ahead
      const { attempt } = state
      const sent = await deps.caller.send(bearerOfRefund(state), attempt, {
        step: ahead.call,
        from: attempt.state === 'not_found' ? ['not_found'] : UNSENT,
        beforeStartBy: false,
        tag: state.refund.amount.toString(),
      })
      if (sent.kind === 'ended' && sent.recorded.kind === 'settled') return { step: 'confirm' }
      return saidOf(id)
    },

    async confirm(id) {
      const done = await settleOn(id, (at) => (next(at).step === 'confirm' ? settle(at, ids, clock.now()) : null))
      deps.failpoint('confirmed', id)
      return done
    },

    async release(id) {
      return settleOn(id, (at) => {
        const ahead = next(at)
        return ahead.step === 'release' ? fail(at, ahead.end, ids, clock.now()) : null
      })
    },

    async inquire(id) {
      const state = await load(id)
      const { attempt } = state
      const ahead = next(state)
      if (ahead.step !== 'wait' || ahead.ms > 0 || attempt === null || !isUnresolved(attempt.state)) return ahead
      await deps.caller.inquire(bearerOfRefund(state), attempt)
      return saidOf(id)
    },
  }
}

function waits({ attempt }: RefundState): boolean {
  return attempt !== null && isUnresolved(attempt.state)
}
