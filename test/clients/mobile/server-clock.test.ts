import { beforeEach, describe, expect, it } from 'vitest'
import { codeKey, customerCode } from '../../../clients/mobile/index.ts'
import { LIMITS } from '../../../clients/mobile/limits.ts'
import { ServerClock } from '../../../clients/mobile/server-clock.ts'

const SERVER_MS = 1_800_000_000_000
const HOUR_MS = 3_600_000

describe('the server’s time on a phone', () => {
  let wall_ms: number
  let monotonic_ms: number
  let clock: ServerClock

  const pass = (ms: number) => {
    wall_ms += ms
    monotonic_ms += ms
  }
  /** The device sleeps: in several browsers only the wall clock goes on. */
  const sleep = (ms: number) => {
    wall_ms += ms
  }
  const set = (ms: number) => {
    wall_ms += ms
  }
  const passed_ms = () => clock.now() - SERVER_MS

  beforeEach(() => {
    wall_ms = SERVER_MS - HOUR_MS // the phone's own clock is an hour late
    monotonic_ms = 5_000
    clock = new ServerClock({ now: () => wall_ms, monotonic: () => monotonic_ms, after: () => () => {} })
    clock.learn(new Date(SERVER_MS).toISOString())
  })

  it('goes on while the device sleeps, so that a code made offline afterwards is of the step it is', async () => {
    pass(1_000)
    sleep(10 * 60_000)
    pass(1_000)
    expect(passed_ms()).toBe(602_000)
    const key = await codeKey(Uint8Array.from({ length: 32 }, (_, i) => i))
    const { expires_ms } = await customerCode({ number: '123456789', key, step_s: 30, no_touch_max: '0' }, clock.now())
    expect(expires_ms - SERVER_MS).toBe(630_000)
  })

  it('adds up many short sleeps', () => {
    for (let i = 0; i < 10; i++) {
      sleep(1_000)
      pass(1_000)
    }
    expect(passed_ms()).toBe(20_000)
  })

  it('follows the monotonic clock while the two clocks run together, or nearly so', () => {
    pass(HOUR_MS)
    set(LIMITS.asleep_ms)
    expect(passed_ms()).toBe(HOUR_MS)
    set(-LIMITS.asleep_ms)
    expect(passed_ms()).toBe(HOUR_MS)
  })

  it('is not lowered where the wall clock is set back, before a sleep or after one', () => {
    pass(1_000)
    set(-HOUR_MS)
    expect(passed_ms()).toBe(1_000)
    set(HOUR_MS)
    sleep(10 * 60_000)
    expect(passed_ms()).toBe(601_000)
    set(-HOUR_MS)
    expect(passed_ms()).toBe(601_000)
    pass(1_000)
    expect(passed_ms()).toBe(602_000)
  })

  it('is what the server says as soon as it says it again', () => {
    set(HOUR_MS)
    expect(passed_ms()).toBe(HOUR_MS)
    clock.learn(new Date(SERVER_MS + 1_000).toISOString())
    expect(passed_ms()).toBe(1_000)
    pass(1_000)
    expect(passed_ms()).toBe(2_000)
  })

  it('is the phone’s own until the server has spoken, and keeps to what it knew where a time is none', () => {
    const own = new ServerClock({ now: () => wall_ms, monotonic: () => monotonic_ms, after: () => () => {} })
    expect(own.now()).toBe(wall_ms)
    own.learn('soon')
    expect(own.now()).toBe(wall_ms)
  })
})
