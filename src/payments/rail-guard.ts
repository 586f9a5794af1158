import { Counter, Gauge, type Registry } from 'prom-client'
import type { Clock } from '../domain/clock.ts'
import { refuse, type Refusal } from '../domain/refusal.ts'
import { err, ok, type Result } from '../domain/result.ts'
import { type Comebacks, makeComebacks } from './comebacks.ts'

/**
 * Keeps new payments from a rail that does not answer, before any money is held for them:
 *
 *  G1 A bulkhead: at most so many calls of this process are unresolved at a rail, counting payments accepted for it
 *     whose call has not begun.
 *  G2 A circuit: after failures in a row with no authentic answer between them nothing new is let through; after a pause
 *     one trial payment is, and decides. A call that has been unanswered for long counts as one before its deadline:
 *     by then a rail that hangs would have been given hundreds more, each to be inquired about.
 *  G3 What was accepted is never held up: its calls always go out, its inquiries within their budget
 *     (inquiry-budget.ts), and an authentic answer to any of them closes the circuit.
 *  G4 One rail's trouble is no other's: those who are refused come back one after the other, for all of them at once,
 *     as soon as it may let one through again, would cost the others more than what they pay.
 */
export const GUARD_LIMITS = {
  /** Failures in a row that open the circuit. */
  failures: 10,
  /** Unanswered for so long a call counts as a failure, until it is answered. Above what a healthy rail takes. */
  overdue_ms: 2_500,
  pause_ms: 5_000,
  /** A trial that nothing was heard of by then makes room for another: above the longest rail deadline. */
  trial_ms: 10_000,
  /** A payment accepted for a rail whose call has not begun here by then was begun by another process, or not at all. */
  place_ms: 5_000,
  full_retry_ms: 500,
  /** Between two whom the circuit refuses, when they come back, and when that is at the latest. */
  comeback_gap_ms: 100,
  comeback_max_ms: 60_000,
  /** The same of the bulkhead: a rail that answers is given as much again as becomes free. */
  full_gap_ms: 20,
  full_max_ms: 5_000,
} as const

/** A payment's place among the unresolved; given back where it was not accepted after all. */
export type Place = { giveBack(): void }

export type RailGuard = {
  /** Asked before a payment for this rail is accepted. `rail_unavailable` with a time to come back, or its place. */
  admit(rail: string, payment: string): Result<Place, Refusal>
  /** Told of each authentic answer of a rail, and of each failure. */
  heard(rail: string, answered: boolean): void
  /** A call of this reference begins; answers what to call once it is over. */
  calling(rail: string, reference: string): () => void
}

type State = 'closed' | 'half_open' | 'open'

type Obstacle = 'circuit' | 'bulkhead'
const GAP_MS = { circuit: GUARD_LIMITS.comeback_gap_ms, bulkhead: GUARD_LIMITS.full_gap_ms } as const

type Circuit = {
  failures: number
  /** 0 while it is closed. */
  openUntil: number
  trialUntil: number
  answeredAt: number
  /** When the calls began that are being made, by reference, oldest first. */
  calls: Map<string, number>
  /** For those who are refused, by what stood against them. */
  comebacks: Record<Obstacle, Comebacks>
  /** Until when a payment has its place, by the 22 digits of its id. */
  places: Map<string, number>
}

/** `callsMax`: how many calls of this process a rail may have unresolved. */
export function makeRailGuard(deps: {
  clock: Clock
  registry?: Registry
  callsMax: (rail: string) => number
}): RailGuard {
  const { clock } = deps
  const circuits = new Map<string, Circuit>()
  const metrics = deps.registry === undefined ? null : guardMetrics(deps.registry, circuits, (at) => stateOf(at))

  function circuitOf(rail: string): Circuit {
    const there = circuits.get(rail)
    if (there !== undefined) return there
    const made: Circuit = {
      failures: 0,
      openUntil: 0,
      trialUntil: 0,
      answeredAt: Number.NEGATIVE_INFINITY,
      calls: new Map(),
      comebacks: {
        circuit: makeComebacks(clock, GUARD_LIMITS.comeback_max_ms),
        bulkhead: makeComebacks(clock, GUARD_LIMITS.full_max_ms),
      },
      places: new Map(),
    }
    circuits.set(rail, made)
    return made
  }

  /** Calls that came to be overdue after the last answer. */
  function overdue({ calls, answeredAt }: Circuit): number {
    const now = clock.monotonic()
    let count = 0
    for (const beganAt of calls.values()) {
      const overdueAt = beganAt + GUARD_LIMITS.overdue_ms
      if (overdueAt > now) break
      if (overdueAt > answeredAt) count += 1
    }
    return count
  }

  function stateOf(circuit: Circuit): State {
    if (circuit.failures + overdue(circuit) < GUARD_LIMITS.failures) return 'closed'
    return circuit.openUntil === 0 || clock.monotonic() < circuit.openUntil ? 'open' : 'half_open'
  }

  function open(circuit: Circuit): void {
    circuit.openUntil = clock.monotonic() + GUARD_LIMITS.pause_ms
    circuit.trialUntil = 0
  }

  function close(circuit: Circuit): void {
    circuit.openUntil = 0
    circuit.trialUntil = 0
  }

  function unresolved(circuit: Circuit): number {
    const now = clock.monotonic()
    // In the order they were taken, so the first that still counts ends the search.
    for (const [payment, until] of circuit.places) {
      if (until > now) break
      circuit.places.delete(payment)
    }
    return circuit.calls.size + circuit.places.size
  }

  function refused(rail: string, why: Obstacle, notBeforeMs: number): Result<Place, Refusal> {
    metrics?.refusals.inc({ rail, why })
    return err(unavailable(circuitOf(rail).comebacks[why].next(notBeforeMs, GAP_MS[why])))
  }

  function heard(rail: string, answered: boolean): void {
    const circuit = circuitOf(rail)
    if (answered) {
      // Those who are refused from now on need not wait behind those of the time that is over.
      if (circuit.openUntil > 0) circuit.comebacks.circuit = makeComebacks(clock, GUARD_LIMITS.comeback_max_ms)
      circuit.failures = 0
      circuit.answeredAt = clock.monotonic()
      close(circuit)
      return
    }
    const isOpen = circuit.openUntil > clock.monotonic()
    circuit.failures += 1
    // Failures while it is open do not put the next trial off.
    if (!isOpen && stateOf(circuit) !== 'closed') open(circuit)
  }

  return {
    heard,
    admit(rail, payment) {
      const circuit = circuitOf(rail)
      const now = clock.monotonic()
      const state = stateOf(circuit)
      if (state === 'closed') close(circuit)
      if (state === 'open' && circuit.openUntil === 0) open(circuit)
      if (state === 'open') return refused(rail, 'circuit', circuit.openUntil - now)
      if (state === 'half_open' && now < circuit.trialUntil) {
        return refused(rail, 'circuit', Math.min(circuit.trialUntil - now, GUARD_LIMITS.pause_ms))
      }
      if (unresolved(circuit) >= deps.callsMax(rail)) {
        return refused(rail, 'bulkhead', GUARD_LIMITS.full_retry_ms)
      }
      const isTrial = state === 'half_open'
      if (isTrial) circuit.trialUntil = now + GUARD_LIMITS.trial_ms
      const key = digits(payment)
      circuit.places.delete(key)
      circuit.places.set(key, now + GUARD_LIMITS.place_ms)
      return ok({
        giveBack() {
          circuit.places.delete(key)
          if (isTrial) circuit.trialUntil = 0
        },
      })
    },
    calling(rail, reference) {
      const circuit = circuitOf(rail)
      circuit.places.delete(reference.slice(0, ID_DIGITS))
      circuit.calls.set(reference, clock.monotonic())
      return () => void circuit.calls.delete(reference)
    },
  }
}

/** A reference at a rail begins with them (domain/ids.ts). */
const ID_DIGITS = 22

function digits(payment: string): string {
  return payment.slice(payment.indexOf('_') + 1)
}

function unavailable(retryAfterMs: number): Refusal {
  return refuse(
    'rail_unavailable',
    'This source cannot be reached right now; nothing was charged. Try again shortly.',
    {
      param: 'source',
      retryAfterMs,
    },
  )
}

function guardMetrics(
  registry: Registry,
  circuits: ReadonlyMap<string, Circuit>,
  stateOf: (circuit: Circuit) => State,
): { refusals: Counter<'rail' | 'why'> } {
  const values: Readonly<Record<State, number>> = { closed: 0, half_open: 1, open: 2 }
  const gauge = (name: string, help: string, read: (circuit: Circuit) => number) =>
    new Gauge({
      name,
      help,
      labelNames: ['rail'],
      registers: [registry],
      collect() {
        for (const [rail, circuit] of circuits) this.set({ rail }, read(circuit))
      },
    })
  gauge('mooring_rail_calls_unresolved', 'Calls at a rail that this process awaits', ({ calls }) => calls.size)
  gauge('mooring_rail_circuit', '0 closed, 1 half open, 2 open', (circuit) => values[stateOf(circuit)])
  return {
    refusals: new Counter({
      name: 'mooring_rail_refusals_total',
      help: 'Payments not accepted for a rail, by what stood against them',
      labelNames: ['rail', 'why'],
      registers: [registry],
    }),
  }
}
