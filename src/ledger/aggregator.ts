import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from '../observe/log.ts'
import { type PreparedUnit, batchArguments, prepareUnit } from './batch.ts'
import type { Sql } from './database.ts'
import type { LedgerMetrics } from './metrics.ts'
import { LANES, Lanes, type Passage } from './lanes.ts'
import { errorMeaning } from './sqlstate.ts'
import type { Unit, UnitResult } from './unit.ts'

/**
 * Gathers the units of a process into batches, that size themselves. Most of a call's cost is the call's: few units go
 * out together, of all lanes, once no call is out; where many wait, each lane's go over its own connection.
 *
 *  A1 A unit is answered only after the call that holds it has committed.
 *  A2 After a lost connection the same units are sent again; their ids make that safe.
 *  A3 A unit that makes the call raise is found by bisection and fails alone.
 */
export type Ledger = {
  /**
   * Applies one unit; throws `LedgerOverloaded` at once when too many wait, `LedgerDraining` once `drain` was asked
   * for, `LedgerUnavailable` when the database stayed away.
   */
  apply(unit: Unit): Promise<UnitResult>
  /** From here on no unit is taken; resolves when every one that was is answered. For the end of a process. */
  drain(): Promise<void>
  /** Called after each commit that left events in the outbox. */
  onEvents(listener: () => void): void
  /**
   * The database's wall time, ms since the epoch: as last heard, carried on by our monotonic
   * clock, so that a step of this host's clock moves nothing.
   */
  now(): number
  /** Hears the database's clock; before the first unit, and now and then where there are none. */
  syncClock(): Promise<void>
  stats(): { queued: number; batches: number; units: number }
}

export class LedgerOverloaded extends Error {}
export class LedgerUnavailable extends Error {}
/** The unit was not taken: another process will take it. */
export class LedgerDraining extends LedgerUnavailable {}

export const LEDGER_LIMITS = {
  connections: 2,
  /** Past this a call gains little by being larger, and others wait longer for the accounts it holds. */
  batch_units: 256,
  /** Fewer than these wait for the call that is out and go together, but no longer than `company_ms` since it began. */
  company_units: 16,
  company_ms: 15,
  queue_units: 10_000,
  /** A unit is tried again through lost connections and lock time-outs for this long. */
  retry_for_ms: 15_000,
  retry_first_ms: 20,
  retry_last_ms: 1_000,
  /** The database's clock is read off calls no slower than this. */
  clock_sample_ms: 50,
} as const

type Waiting = {
  prepared: PreparedUnit
  passage: Passage
  since: number
  resolve: (result: UnitResult) => void
  reject: (error: Error) => void
}

/** Units that go out over connections of their own: what waits, calls being made, units in them. */
type Lane = { queue: Waiting[]; calls: number; inFlight: number }

const load = (lane: Lane): number => lane.queue.length + lane.inFlight

type Limits = { [K in keyof typeof LEDGER_LIMITS]: number }

export function makeLedger(deps: { sql: Sql; log: Log; limits?: Partial<Limits>; metrics?: LedgerMetrics }): Ledger {
  const limits: Limits = { ...LEDGER_LIMITS, ...deps.limits }
  const lanes: Lane[] = Array.from({ length: Math.min(LANES, limits.connections) }, () => ({
    queue: [],
    calls: 0,
    inFlight: 0,
  }))
  const passages = new Lanes(lanes.length)
  const callsALane = Math.ceil(limits.connections / lanes.length)
  const listeners: (() => void)[] = []
  const idle: (() => void)[] = []
  let pumping = false
  let begun = -Infinity
  let company: NodeJS.Timeout | undefined
  let draining = false
  /** The database's wall time at zero of our monotonic clock; our own wall time until it has been heard. */
  let epochMs = performance.timeOrigin
  let heard = false
  let batches = 0
  let units = 0

  /** At the end of this turn of the event loop: all that callers ask in one turn goes into one batch. */
  function pumpSoon(): void {
    if (pumping) return
    pumping = true
    setImmediate(pump)
  }

  function pump(): void {
    pumping = false
    clearTimeout(company)
    if (waitingUnits() < Math.min(limits.company_units, limits.batch_units) && lanes.length > 1) {
      const [first] = lanes.toSorted((a, b) => b.queue.length - a.queue.length)
      if (first === undefined || first.queue.length === 0) return
      if (lanes.every(({ calls }) => calls === 0)) {
        go(
          first,
          lanes.flatMap(({ queue }) => queue.splice(0)),
        )
        return
      }
      const leftMs = begun + limits.company_ms - performance.now()
      if (leftMs > 0) {
        company = setTimeout(pump, leftMs)
        return
      }
    }
    for (const lane of lanes) {
      while (lane.calls < callsALane && lane.queue.length > 0) {
        // An even share for each call: left to themselves one gets all and the others crumbs, and crumbs cost a call each.
        const share = Math.ceil((lane.queue.length + lane.inFlight) / callsALane)
        go(lane, lane.queue.splice(0, Math.min(share, limits.batch_units)))
      }
    }
  }

  function go(lane: Lane, batch: Waiting[]): void {
    lane.calls += 1
    lane.inFlight += batch.length
    const now = performance.now()
    begun = now
    for (const waiting of batch) deps.metrics?.wait((now - waiting.since) / 1_000)
    void send(batch).finally(() => {
      lane.calls -= 1
      lane.inFlight -= batch.length
      for (const { passage } of batch) passages.leave(passage)
      pumpSoon()
      if (isIdle()) for (const wake of idle.splice(0)) wake()
    })
  }

  /** For what touches nobody's rows. */
  const emptiest = () => lanes.reduce((least, lane, i) => (load(lane) < load(lanes[least] ?? lane) ? i : least), 0)

  const waitingUnits = () => lanes.reduce((sum, lane) => sum + lane.queue.length, 0)
  const isIdle = () => lanes.every((lane) => load(lane) === 0)

  async function send(batch: Waiting[]): Promise<void> {
    let wait = limits.retry_first_ms
    for (;;) {
      try {
        const results = await call(batch)
        batch.forEach((waiting, i) => {
          const result = results[i]
          if (result === undefined) waiting.reject(new Error('apply_units answered too few results'))
          else waiting.resolve(result)
        })
        if (batch.some((waiting) => waiting.prepared.unit.ok.events !== undefined)) for (const tell of listeners) tell()
        return
      } catch (error) {
        const meaning = errorMeaning(error)
        if (meaning === 'poison') return isolate(batch, error)
        if (meaning === 'smaller' && batch.length > 1) return halve(batch)
        const now = performance.now()
        const tired = batch.filter((waiting) => now - waiting.since > limits.retry_for_ms)
        for (const waiting of tired) waiting.reject(new LedgerUnavailable('the database is away', { cause: error }))
        batch = batch.filter((waiting) => !tired.includes(waiting))
        if (batch.length === 0) return
        deps.log.warn({ err: error, units: batch.length }, 'a batch of units is sent again')
        await delay(wait * (0.5 + Math.random() / 2))
        wait = Math.min(wait * 2, limits.retry_last_ms)
      }
    }
  }

  /** Invariant A3: halves until the one that raises stands alone. */
  async function isolate(batch: Waiting[], error: unknown): Promise<void> {
    const [only] = batch
    if (batch.length === 1 && only !== undefined) {
      deps.log.error({ err: error, unit: only.prepared.unit.id }, 'a unit of work raised in the database')
      only.reject(new Error('the unit raised in the database', { cause: error }))
      return
    }
    await halve(batch)
  }

  async function halve(batch: Waiting[]): Promise<void> {
    const middle = Math.ceil(batch.length / 2)
    await send(batch.slice(0, middle))
    await send(batch.slice(middle))
  }

  async function call(batch: readonly Waiting[]): Promise<UnitResult[]> {
    const a = batchArguments(batch.map((waiting) => waiting.prepared))
    const before = performance.now()
    const rows = await deps.sql<{ answer: { now: number; results: UnitResult[] } }[]>`
      select apply_units(${a.unitIds}::text::uuid[], ${a.units}::text::integer[], ${a.unitHash}::text::text[],
        ${a.unitFirst}::text::integer[], ${a.unitLast}::text::integer[], ${a.unitRest}::text, ${a.accounts}::text::uuid[],
        ${a.flagged}::text::integer[], ${a.transfers}::text::uuid[], ${a.legUnit}::text::integer[], ${a.legTransfer}::text::integer[], ${a.legLedger}::text::integer[],
        ${a.legKind}::text::text[], ${a.legDebit}::text::integer[], ${a.legCredit}::text::integer[],
        ${a.legAmount}::text::bigint[], ${a.legPending}::text::integer[], ${a.legUpTo}::text::boolean[],
        ${a.legExpiresAt}::text::timestamptz[], ${a.legSubject}::text::text[], ${a.payments}::text::text[],
        ${a.attemptPayment}::text::text[], ${a.attemptNo}::text::smallint[], ${a.keyScope}::text::text[],
        ${a.key}::text::text[], ${a.taken}::text::text[], ${a.feeds}::text::text[], ${a.eventId}::text::text[],
        ${a.eventFeed}::text::integer[], ${a.eventName}::text::text[], ${a.eventAccount}::text::integer[],
        ${a.eventCurrency}::text::text[], ${a.eventBody}::text::integer[], ${a.bodies}::text) as answer`
    const answer = rows[0]?.answer
    if (answer === undefined || answer.results.length !== batch.length) {
      throw new Error('apply_units did not answer each unit once')
    }
    const after = performance.now()
    // A call that waited for a lock tells little about the clock: after the first only quick ones count.
    if (!heard || after - before <= limits.clock_sample_ms) epochMs = answer.now - (before + after) / 2
    heard = true
    if (batch.length > 0) {
      batches += 1
      units += batch.length
      deps.metrics?.call(batch.length, (after - before) / 1_000)
    }
    return answer.results
  }

  return {
    apply(unit) {
      if (draining) return Promise.reject(new LedgerDraining('this process takes no more units'))
      if (waitingUnits() >= limits.queue_units)
        return Promise.reject(new LedgerOverloaded('too many units wait for the ledger'))
      return new Promise((resolve, reject) => {
        const prepared = prepareUnit(unit)
        const passage = passages.enter(unit, emptiest)
        lanes[passage.lane]?.queue.push({ prepared, passage, since: performance.now(), resolve, reject })
        pumpSoon()
      })
    },
    drain() {
      draining = true
      return new Promise((resolve) => (isIdle() ? resolve() : idle.push(resolve)))
    },
    onEvents: (listener) => void listeners.push(listener),
    now: () => epochMs + performance.now(),
    syncClock: async () => void (await call([])),
    stats: () => ({ queued: waitingUnits(), batches, units }),
  }
}
