import { Registry } from 'prom-client'
import { beforeEach, describe, expect, test } from 'vitest'
import { attemptReference, makeIds } from '../../src/domain/ids.ts'
import { GUARD_LIMITS, makeRailGuard, type RailGuard } from '../../src/payments/rail-guard.ts'

const RAIL = 'bank'
const ids = makeIds(Date.now, (bytes) => Uint8Array.from({ length: bytes }, () => Math.floor(Math.random() * 256)))

let nowMs = 0
let metrics: Registry
let guard: RailGuard
beforeEach(() => {
  nowMs = 0
  metrics = new Registry()
  guard = makeRailGuard({
    clock: { now: () => nowMs, monotonic: () => nowMs },
    registry: metrics,
    callsMax: (rail) => (rail === RAIL ? 3 : 1_000),
  })
})

const codeOf = (rail = RAIL) => {
  const asked = guard.admit(rail, ids.make('pay'))
  return asked.ok ? 'admitted' : { code: asked.error.code, ms: asked.error.retryAfterMs, param: asked.error.param }
}
const fail = (times: number, rail = RAIL) => {
  for (let i = 0; i < times; i++) guard.heard(rail, false)
}
const metric = async (name: string, labels: Record<string, string>) =>
  (await metrics.getSingleMetric(name)?.get())?.values.find(({ labels: its }) =>
    Object.entries(labels).every(([label, value]) => its[label] === value),
  )?.value

describe('the circuit', () => {
  test('opens after failures in a row, and says when to come back', async () => {
    fail(GUARD_LIMITS.failures - 1)
    expect(codeOf()).toBe('admitted')
    guard.heard(RAIL, true)
    fail(GUARD_LIMITS.failures - 1)
    expect(codeOf()).toBe('admitted')
    fail(1)
    nowMs = 1_000
    expect(codeOf()).toEqual({ code: 'rail_unavailable', ms: GUARD_LIMITS.pause_ms - 1_000, param: 'source' })
    expect(await metric('mooring_rail_circuit', { rail: RAIL })).toBe(2)
    expect(await metric('mooring_rail_refusals_total', { rail: RAIL, why: 'circuit' })).toBe(1)
  })

  test('has those it refuses come back one after the other, never before it may reopen, nor ever so late', () => {
    fail(GUARD_LIMITS.failures)
    expect([codeOf(), codeOf(), codeOf()]).toMatchObject([{ ms: 5_000 }, { ms: 5_100 }, { ms: 5_200 }])
    nowMs = 1_000
    expect([codeOf(), codeOf()]).toMatchObject([{ ms: 4_300 }, { ms: 4_400 }])
    const asked = Array.from({ length: 1_000 }, () => codeOf())
    const told = asked.flatMap((each) => (typeof each === 'string' ? [] : [each.ms ?? 0]))
    expect(Math.max(...told)).toBe(GUARD_LIMITS.comeback_max_ms)
    expect(Math.min(...told)).toBe(4_000)
    // Past the latest time they begin anew among those that were given: never many at one moment.
    expect(Math.max(...told.map((ms) => told.filter((other) => other === ms).length))).toBe(2)
  })

  test('has those it refuses anew not wait behind those of an outage that is over', () => {
    fail(GUARD_LIMITS.failures)
    for (let i = 0; i < 100; i++) codeOf()
    guard.heard(RAIL, true)
    fail(GUARD_LIMITS.failures)
    expect(codeOf()).toMatchObject({ ms: GUARD_LIMITS.pause_ms })
  })

  test('of one rail is no other’s', () => {
    fail(GUARD_LIMITS.failures)
    expect(codeOf('operator')).toBe('admitted')
  })

  test('closes by any authentic answer, even while it is open', () => {
    fail(GUARD_LIMITS.failures)
    expect(codeOf()).toMatchObject({ code: 'rail_unavailable' })
    guard.heard(RAIL, true)
    expect(codeOf()).toBe('admitted')
  })

  test('lets one trial through after its pause, which closes it or opens it again', async () => {
    fail(GUARD_LIMITS.failures)
    nowMs = GUARD_LIMITS.pause_ms
    expect(codeOf()).toBe('admitted')
    expect(codeOf()).toMatchObject({ code: 'rail_unavailable' })
    expect(await metric('mooring_rail_circuit', { rail: RAIL })).toBe(1)
    fail(1)
    nowMs += GUARD_LIMITS.pause_ms - 1
    expect(codeOf()).toMatchObject({ code: 'rail_unavailable' })
    nowMs += 1
    expect(codeOf()).toBe('admitted')
    guard.heard(RAIL, true)
    expect(codeOf()).toBe('admitted')
  })

  test('is not kept open by inquiries that fail: the next trial comes in its time', () => {
    fail(GUARD_LIMITS.failures)
    nowMs = GUARD_LIMITS.pause_ms - 1
    fail(100)
    nowMs += 1
    expect(codeOf()).toBe('admitted')
  })

  test('a trial that came to nothing makes room for another, at once or when nothing was heard of it', () => {
    fail(GUARD_LIMITS.failures)
    nowMs = GUARD_LIMITS.pause_ms
    const trial = guard.admit(RAIL, ids.make('pay'))
    if (trial.ok) trial.value.giveBack()
    expect(codeOf()).toBe('admitted')
    nowMs += GUARD_LIMITS.trial_ms - 1
    expect(codeOf()).toMatchObject({ code: 'rail_unavailable' })
    nowMs += 1
    expect(codeOf()).toBe('admitted')
  })
})

describe('calls that are overdue', () => {
  const call = () => guard.calling(RAIL_OF_MANY, attemptReference(ids.make('pay'), 'collect', 1))
  const RAIL_OF_MANY = 'operator'

  test('open the circuit before they fail, and its pause begins then', () => {
    for (let i = 0; i < GUARD_LIMITS.failures; i++) call()
    nowMs = GUARD_LIMITS.overdue_ms - 1
    expect(codeOf(RAIL_OF_MANY)).toBe('admitted')
    nowMs += 1
    expect(codeOf(RAIL_OF_MANY)).toMatchObject({ code: 'rail_unavailable', ms: GUARD_LIMITS.pause_ms })
    nowMs += GUARD_LIMITS.pause_ms
    expect([codeOf(RAIL_OF_MANY), codeOf(RAIL_OF_MANY)]).toMatchObject(['admitted', { code: 'rail_unavailable' }])
  })

  test('count with those that failed, each once', () => {
    const over = Array.from({ length: GUARD_LIMITS.failures - 1 }, call)
    nowMs = 8_000
    over[0]?.()
    guard.heard(RAIL_OF_MANY, false)
    expect(codeOf(RAIL_OF_MANY)).toBe('admitted')
    guard.heard(RAIL_OF_MANY, false)
    expect(codeOf(RAIL_OF_MANY)).toMatchObject({ code: 'rail_unavailable' })
  })

  test('say nothing of a rail that has answered since, slow as it is', () => {
    for (let i = 0; i < GUARD_LIMITS.failures; i++) call()
    nowMs = GUARD_LIMITS.overdue_ms + 1
    guard.heard(RAIL_OF_MANY, true)
    expect(codeOf(RAIL_OF_MANY)).toBe('admitted')
    nowMs += 60_000
    expect(codeOf(RAIL_OF_MANY)).toBe('admitted')
  })

  test('close it again by being over', () => {
    const over = Array.from({ length: GUARD_LIMITS.failures }, call)
    nowMs = GUARD_LIMITS.overdue_ms
    expect(codeOf(RAIL_OF_MANY)).toMatchObject({ code: 'rail_unavailable' })
    over[0]?.()
    expect(codeOf(RAIL_OF_MANY)).toBe('admitted')
  })
})

describe('the bulkhead', () => {
  test('counts calls that are unresolved, and never holds one up that was accepted', async () => {
    const over = Array.from({ length: 5 }, () => guard.calling(RAIL, attemptReference(ids.make('pay'), 'collect', 1)))
    expect(codeOf()).toEqual({ code: 'rail_unavailable', ms: GUARD_LIMITS.full_retry_ms, param: 'source' })
    expect(await metric('mooring_rail_calls_unresolved', { rail: RAIL })).toBe(5)
    expect(await metric('mooring_rail_refusals_total', { rail: RAIL, why: 'bulkhead' })).toBe(1)
    expect(codeOf()).toMatchObject({ ms: GUARD_LIMITS.full_retry_ms + GUARD_LIMITS.full_gap_ms })
    for (const each of over) each()
    expect(codeOf()).toBe('admitted')
  })

  test('counts what was admitted from then on, once, until it is called, given back, or another hub’s', () => {
    const payment = ids.make('pay')
    expect(guard.admit(RAIL, payment).ok).toBe(true)
    const over = guard.calling(RAIL, attemptReference(payment, 'collect', 1))
    const second = guard.admit(RAIL, ids.make('pay'))
    expect([codeOf(), codeOf()]).toEqual(['admitted', expect.objectContaining({ code: 'rail_unavailable' })])
    if (second.ok) second.value.giveBack()
    expect(codeOf()).toBe('admitted')
    over()
    nowMs += GUARD_LIMITS.place_ms
    expect([codeOf(), codeOf(), codeOf()]).toEqual(['admitted', 'admitted', 'admitted'])
  })
})
