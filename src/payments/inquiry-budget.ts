import { Counter, Gauge, type Registry } from 'prom-client'
import type { Clock } from '../domain/clock.ts'
import { type Comebacks, makeComebacks } from './comebacks.ts'

/**
 * How often a rail is asked, whoever asks: payments, refunds, recoveries, mandates.
 *
 *  B1 In no second does this process begin more questions at a rail than its profile allows.
 *  B2 A question that finds no turn waits about a second for one, and no more of them wait than will have theirs by
 *     then. The others are told when to come back, at the pace of the budget; nothing is kept of them here, because the
 *     row that they are about keeps the time. Nothing was asked, so nothing is written about the money, and the rail
 *     has failed in nothing.
 *  B3 While both wait, what the schedule asks and what somebody woke take turns: whoever floods us with unsigned
 *     callbacks leaves the schedule half of the budget at least, and an outage leaves a callback the other half.
 *  B4 In each of the two, first come is first served.
 *  B5 One rail's budget is no other's.
 */
export const BUDGET_LIMITS = {
  window_ms: 1_000,
  /** Nobody is told to come back later than this: the longest gap of a schedule's first day. */
  later_max_ms: 300_000,
} as const

/** `scheduled`: its time has come. `woken`: asked earlier, because of a callback, of its user, of operators, or of the rail's recovery. */
export type Lane = 'scheduled' | 'woken'

/** No turn was to be had: come back in `afterMs`. It says nothing about what was to be asked, or about the rail. */
export type NotAsked = { kind: 'not_asked'; afterMs: number }

export type InquiryBudget = {
  /** Asks `question` in its turn, or not at all. */
  ask<T extends { kind: string }>(rail: string, lane: Lane, question: () => Promise<T>): Promise<T | NotAsked>
}

type Line = {
  waiting: (() => void)[]
  /** For those who had no turn. */
  comebacks: Comebacks
}

type Budget = {
  perSecond: number
  /** When the last `perSecond` questions began, oldest first, monotonic ms. */
  begun: number[]
  lines: Readonly<Record<Lane, Line>>
  /** Whose turn the last one was. */
  last: Lane
  timer: NodeJS.Timeout | null
}

const other = (lane: Lane): Lane => (lane === 'scheduled' ? 'woken' : 'scheduled')

/** `perSecond`: questions a second that this process may begin at a rail, 1 or more. */
export function makeInquiryBudget(deps: {
  clock: Clock
  registry?: Registry
  perSecond: (rail: string) => number
}): InquiryBudget {
  const budgets = new Map<string, Budget>()
  const metrics = deps.registry === undefined ? null : budgetMetrics(deps.registry, budgets)

  function budgetOf(rail: string): Budget {
    const there = budgets.get(rail)
    if (there !== undefined) return there
    const line = (): Line => ({ waiting: [], comebacks: makeComebacks(deps.clock, BUDGET_LIMITS.later_max_ms) })
    const perSecond = Math.max(1, Math.floor(deps.perSecond(rail)))
    const lines = { scheduled: line(), woken: line() }
    const made: Budget = { perSecond, begun: [], lines, last: 'woken', timer: null }
    budgets.set(rail, made)
    return made
  }

  /** Until the next question may begin, ms; 0: now. */
  function untilFree({ begun, perSecond }: Budget): number {
    const oldest = begun.length < perSecond ? undefined : begun[0]
    return oldest === undefined ? 0 : Math.max(0, oldest + BUDGET_LIMITS.window_ms - deps.clock.monotonic())
  }

  function begin(budget: Budget, lane: Lane): void {
    if (budget.begun.length >= budget.perSecond) budget.begun.shift()
    budget.begun.push(deps.clock.monotonic())
    budget.last = lane
  }

  function serve(budget: Budget): void {
    budget.timer = null
    for (;;) {
      const lane = [other(budget.last), budget.last].find((each) => budget.lines[each].waiting.length > 0)
      if (lane === undefined) return
      const waitMs = untilFree(budget)
      if (waitMs > 0) {
        budget.timer = setTimeout(() => serve(budget), Math.ceil(waitMs))
        return
      }
      begin(budget, lane)
      budget.lines[lane].waiting.shift()?.()
    }
  }

  /** Null once it is its turn. */
  async function turn(rail: string, lane: Lane): Promise<NotAsked | null> {
    const budget = budgetOf(rail)
    const line = budget.lines[lane]
    if (waitingIn(budget) === 0 && untilFree(budget) === 0) {
      begin(budget, lane)
      return null
    }
    // Half of a second's turns: each line gets so many within the second, whatever the other does.
    if (line.waiting.length >= Math.max(1, Math.floor(budget.perSecond / 2))) {
      metrics?.held.inc({ rail, lane, turn: 'refused' })
      return { kind: 'not_asked', afterMs: laterMs(budget, lane) }
    }
    metrics?.held.inc({ rail, lane, turn: 'waited' })
    await new Promise<void>((resolve) => {
      line.waiting.push(resolve)
      if (budget.timer === null) serve(budget)
    })
    return null
  }

  /** One after the other, as turns become free behind those who wait. */
  function laterMs({ lines, perSecond }: Budget, lane: Lane): number {
    const { window_ms: windowMs } = BUDGET_LIMITS
    const turns = lines[other(lane)].waiting.length > 0 ? perSecond / 2 : perSecond
    const gapMs = windowMs / turns
    return lines[lane].comebacks.next(windowMs + gapMs, gapMs)
  }

  return {
    async ask(rail, lane, question) {
      const refused = await turn(rail, lane)
      if (refused !== null) return refused
      const outcome = await question()
      metrics?.asked.inc({ rail, outcome: outcome.kind })
      return outcome
    },
  }
}

function waitingIn({ lines }: Budget): number {
  return lines.scheduled.waiting.length + lines.woken.waiting.length
}

function budgetMetrics(
  registry: Registry,
  budgets: ReadonlyMap<string, Budget>,
): { asked: Counter<'rail' | 'outcome'>; held: Counter<'rail' | 'lane' | 'turn'> } {
  void new Gauge({
    name: 'mooring_rail_inquiries_waiting',
    help: 'Inquiries that wait for a turn within the budget of their rail',
    labelNames: ['rail'],
    registers: [registry],
    collect() {
      for (const [rail, budget] of budgets) this.set({ rail }, waitingIn(budget))
    },
  })
  return {
    asked: new Counter({
      name: 'mooring_rail_inquiries_total',
      help: 'Questions that rails were asked about payments, refunds, recoveries and mandates, by outcome',
      labelNames: ['rail', 'outcome'],
      registers: [registry],
    }),
    held: new Counter({
      name: 'mooring_rail_inquiries_held_total',
      help: 'Inquiries that waited for a turn within the budget of their rail, or were refused one for now',
      labelNames: ['rail', 'lane', 'turn'],
      registers: [registry],
    }),
  }
}
