import {
  isAnswer,
  type Rail,
  type RailOrder,
  type RailOutcome,
  type RailProfile,
  type SendOptions,
} from '../rails/port.ts'
import type { InquiryBudget, Lane, NotAsked } from './inquiry-budget.ts'
import type { RailGuard } from './rail-guard.ts'

/**
 * A rail as payments, refunds and recoveries reach it, and the one place where its answers are heard: each is told
 * once to the guard (rail-guard.ts) and once to what wakes those who wait (rail-health.ts), whoever asked for it.
 */
export type WatchedRail = {
  readonly id: string
  readonly profile: RailProfile
  send(order: RailOrder, options: SendOptions): Promise<RailOutcome>
  /** Asks what became of it, within the budget of the rail and, from its turn on, its deadline. */
  ask(order: RailOrder, lane: Lane): Promise<RailOutcome | NotAsked>
}

export type RailWatch = {
  guard: Pick<RailGuard, 'calling' | 'heard'>
  budget: InquiryBudget
  health: { heard(rail: string, answered: boolean): void }
}

export function watchRail(rail: Rail, { guard, budget, health }: RailWatch): WatchedRail {
  const { id, profile } = rail
  function note(outcome: RailOutcome): RailOutcome {
    const answered = isAnswer(outcome)
    guard.heard(id, answered)
    health.heard(id, answered)
    return outcome
  }
  return {
    id,
    profile,
    async send(order, options) {
      const over = guard.calling(id, order.reference)
      const outcome = await rail.send(order, options).finally(over)
      return note(outcome)
    },
    ask: (order, lane) =>
      budget.ask(id, lane, async () => note(await rail.inquire(order, AbortSignal.timeout(profile.deadlineMs)))),
  }
}
