import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ConnectionCount } from '../../src/edge/transport/connections.ts'
import { readFrame } from '../../src/edge/frame.ts'
import { Heartbeat } from '../../src/edge/heartbeat.ts'
import { EDGE_LIMITS } from '../../src/edge/limits.ts'
import { deeperThan } from '../../src/domain/json-depth.ts'
import { disposition, mayEnter } from '../../src/edge/session-state.ts'
import { TokenBucket, TokenBuckets } from '../../src/edge/token-bucket.ts'
import { UsedIds } from '../../src/edge/used-ids.ts'

describe('JSON depth', () => {
  it.each([
    ['1', 0],
    ['{}', 1],
    ['{"a":[]}', 2],
    ['{"a":"[[[[","b":"\\"[["}', 1],
    ['{"a":"\\\\"}', 1],
    ['[[],[],[[]]]', 3],
  ])('%s is %i deep', (text, depth) => {
    expect([deeperThan(text, depth), depth > 0 && deeperThan(text, depth - 1)]).toEqual([false, depth > 0])
  })

  it('agrees with the parsed value on any JSON', () => {
    const depthOf = (value: unknown): number =>
      typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), fc.integer({ min: 1, max: 6 }), (text, limit) => {
        expect(deeperThan(text, limit)).toBe(depthOf(JSON.parse(text)) > limit)
      }),
    )
  })
})

describe('reading a frame', () => {
  it('never throws, whatever text comes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(typeof readFrame(text, 32).ok).toBe('boolean')
      }),
    )
  })

  it('leaves name, key and body of a command to be answered', () => {
    const read = readFrame('{"t":"cmd","id":"1","name":7,"key":null,"body":[1]}', 32)
    expect(read).toEqual({ ok: true, value: { t: 'cmd', id: '1', name: 7, key: null, body: [1] } })
  })
})

describe('the lifecycle of a session', () => {
  it('goes forward only', () => {
    const stages = ['challenged', 'opening', 'ready', 'draining', 'closed'] as const
    const steps = stages.flatMap((from) => stages.filter((to) => mayEnter(from, to)).map((to) => `${from}>${to}`))
    expect(steps).toEqual([
      'challenged>opening',
      'challenged>closed',
      'opening>ready',
      'opening>closed',
      'ready>draining',
      'ready>closed',
      'draining>closed',
    ])
  })

  it.each([
    ['challenged', 'hello', 'open'],
    ['challenged', 'cmd', 'refuse'],
    ['challenged', 'pong', 'refuse'],
    ['challenged', 'ack', 'refuse'],
    ['opening', 'hello', 'refuse'],
    ['challenged', 'token', 'refuse'],
    ['opening', 'cmd', 'refuse'],
    ['opening', 'token', 'refuse'],
    ['ready', 'hello', 'refuse'],
    ['ready', 'cmd', 'command'],
    ['ready', 'token', 'token'],
    ['ready', 'pong', 'pong'],
    ['ready', 'ack', 'pass'],
    ['draining', 'hello', 'refuse'],
    ['draining', 'cmd', 'decline'],
    ['draining', 'token', 'token'],
    ['draining', 'pong', 'pong'],
    ['closed', 'cmd', 'pass'],
  ] as const)('while %s, %s is: %s', (at, frame, what) => {
    expect(disposition(at, frame)).toBe(what)
  })
})

describe('a token bucket', () => {
  it('gives its burst at once, then its rate, and says how long to wait', () => {
    const bucket = new TokenBucket({ per_s: 50, burst: 100 }, 0)
    const taken = Array.from({ length: 100 }, () => bucket.take(0))
    expect(new Set(taken)).toEqual(new Set([0]))
    expect(bucket.take(0)).toBe(20)
    expect(bucket.take(20)).toBe(0)
    expect(bucket.take(20)).toBe(20)
  })

  it('takes more than its burst where it is given, up to a bound, and keeps that', () => {
    const bucket = new TokenBucket({ per_s: 10, burst: 5 }, 0)
    bucket.give(3, 20)
    bucket.give(100, 20)
    expect(Array.from({ length: 26 }, () => bucket.take(1_000)).filter((wait_ms) => wait_ms === 0)).toHaveLength(25)
    expect(bucket.take(1_500)).toBe(0)
  })

  it('never gives more than burst + rate × time, nor when the clock goes back', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -500, max: 500 }), { minLength: 1, maxLength: 300 }), (steps) => {
        const bucket = new TokenBucket({ per_s: 10, burst: 5 }, 0)
        let now = 0
        let latest = 0
        let given = 0
        for (const step of steps) {
          now = Math.max(0, now + step)
          latest = Math.max(latest, now)
          if (bucket.take(now) === 0) given++
        }
        expect(given).toBeLessThanOrEqual(5 + (10 * latest) / 1000 + 1e-6)
      }),
    )
  })

  it('is forgotten only when full again', () => {
    const buckets = new TokenBuckets({ per_s: 1, burst: 2 })
    buckets.take('a', 0)
    buckets.sweep(500)
    expect(buckets.size).toBe(1)
    buckets.sweep(1_000)
    expect(buckets.size).toBe(0)
  })
})

describe('used ids', () => {
  it('knows the last ones and all in flight', () => {
    const ids = new UsedIds(2)
    expect(ids.use('slow')).toBe(true)
    ids.begin('slow')
    expect([ids.use('a'), ids.use('b'), ids.use('c')]).toEqual([true, true, true])
    expect(ids.use('slow')).toBe(false)
    ids.end('slow')
    expect([ids.use('c'), ids.use('b')]).toEqual([false, false])
    expect(ids.use('a')).toBe(true)
  })
})

describe('connections of one address', () => {
  it('are one count for the neighbours in an IPv6 /64, and for an IPv4 address however it is written', () => {
    const count = new ConnectionCount({ perAddress: 1, loopbackFree: false })
    expect([count.enter('2001:db8:1:2::9'), count.enter('2001:0db8:0001:0002:0003:0000:0000:0001')]).toEqual([
      true,
      false,
    ])
    expect([count.enter('203.0.113.7'), count.enter('::ffff:203.0.113.7')]).toEqual([true, false])
    expect(count.enter('2001:db8:1:3::9')).toBe(true)
    count.leave('2001:db8:1:2::4')
    expect(count.enter('2001:db8:1:2::5')).toBe(true)
  })

  it('spares loopback only where told', () => {
    const strict = new ConnectionCount({ perAddress: 1, loopbackFree: false })
    const free = new ConnectionCount({ perAddress: 1, loopbackFree: true })
    expect([strict.enter('127.0.0.1'), strict.enter('127.0.0.1')]).toEqual([true, false])
    expect([free.enter('127.0.0.1'), free.enter('127.0.0.1')]).toEqual([true, true])
    expect([free.enter('203.0.113.7'), free.enter('203.0.113.7')]).toEqual([true, false])
    free.leave('203.0.113.7')
    expect(free.enter('203.0.113.7')).toBe(true)
  })
})

describe('pings', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  const limits = { ...EDGE_LIMITS, heartbeat_ms: 5, pong_timeout_ms: 20, true_heads_every_pings: 2 }

  function beating() {
    const pings: number[] = []
    const told: string[] = []
    const heartbeat: Heartbeat = new Heartbeat(
      {
        post: ({ type }) => {
          if (type !== 'beat') told.push(type)
          else {
            const ping = heartbeat.next()
            if (ping !== null) pings.push(ping.n)
          }
        },
      },
      limits,
    )
    return { heartbeat, pings, told }
  }

  it('do not overtake one that waits for the hub', () => {
    const { heartbeat, pings, told } = beating()
    vi.advanceTimersByTime(50)
    expect(pings).toEqual([1])
    heartbeat.sent()
    heartbeat.pong(1)
    vi.advanceTimersByTime(5)
    expect(pings).toEqual([1, 2])
    expect(told).toEqual([])
    heartbeat.stop()
  })

  it('are late without their own pong, and nothing is told after the end', () => {
    const { heartbeat, pings, told } = beating()
    vi.advanceTimersByTime(5)
    heartbeat.sent()
    heartbeat.pong(7)
    expect(heartbeat.awaitsPong).toBe(true)
    vi.advanceTimersByTime(20)
    expect([pings, told]).toEqual([[1], ['pongLate']])
    heartbeat.stop()
    vi.advanceTimersByTime(100)
    expect([pings, told]).toEqual([[1], ['pongLate']])
  })

  it('ask for the true heads every so often', () => {
    const heartbeat = new Heartbeat({ post: () => {} }, limits)
    const asked = [1, 2, 3, 4].map((n) => {
      const ping = heartbeat.next()
      heartbeat.sent()
      heartbeat.pong(n)
      return ping
    })
    expect(asked.map((ping) => ping?.trueHeads)).toEqual([false, true, false, true])
    heartbeat.stop()
  })
})
