import { beforeEach, expect, test } from 'vitest'
import { DURABLE_LIMITS, makeStartLine, type StartLine } from '../../src/durable/index.ts'

const { starts_in_flight_first: first, starts_in_flight: most, starts_in_flight_least: least } = DURABLE_LIMITS

let line: StartLine
let begun: string[]
let ends: Map<string, () => void>
beforeEach(() => {
  line = makeStartLine()
  begun = []
  ends = new Map()
})

const add = (id: string, lane: 'fresh' | 'late' = 'fresh') =>
  line.add(id, lane, () => {
    begun.push(id)
    return new Promise<void>((resolve) => ends.set(id, resolve))
  })
const addMany = (count: number, of: string) => {
  for (let i = 0; i < count; i++) add(`${of}${i}`)
}
const end = async (id: string) => {
  ends.get(id)?.()
  await Promise.resolve()
  await new Promise((resolve) => setImmediate(resolve))
}
const learn = (times: number, outcome: 'answered' | 'failed', tookMs = 0) => {
  for (let i = 0; i < times; i++) line.learn(outcome, tookMs)
}

test('no more are in flight than its window, and each that is over lets the next in', async () => {
  addMany(first + 2, 'p')
  expect(begun).toHaveLength(first)
  await end('p0')
  expect(begun.slice(first)).toEqual([`p${first}`])
})

test('the fresh go before those that are late', async () => {
  addMany(first, 'p')
  add('late', 'late')
  add('fresh')
  await end('p0')
  await end('p1')
  expect(begun.slice(first)).toEqual(['fresh', 'late'])
})

test('one is there once, in flight or in line', async () => {
  addMany(first, 'p')
  expect([add('p0'), add('waits', 'late'), add('waits'), add('waits', 'late')]).toEqual([false, true, false, false])
  await end('p0')
  await end('waits')
  expect(add('waits')).toBe(true)
})

test('it grows by one with each prompt answer, as far as the most', () => {
  learn(3, 'answered')
  expect(line.window).toBe(first + 3)
  learn(most, 'answered')
  expect(line.window).toBe(most)
})

test('it shrinks by one with each slow answer and by half with each that fails, as far as the least', () => {
  learn(3, 'answered', DURABLE_LIMITS.start_slow_ms + 1)
  expect(line.window).toBe(first - 3)
  learn(1, 'failed')
  expect(line.window).toBe(Math.floor((first - 3) / 2))
  learn(5, 'failed')
  expect(line.window).toBe(least)
  learn(1, 'answered', DURABLE_LIMITS.start_slow_ms + 1)
  expect(line.window).toBe(least)
})

test('beyond what may wait it takes none, and those it leaves out it forgets', async () => {
  addMany(first + DURABLE_LIMITS.starts_waiting, 'p')
  expect(add('one too many')).toBe(false)
  line.clear()
  expect(add('one too many')).toBe(true)
  await end('p0')
  expect(begun.slice(first)).toEqual(['one too many'])
})

test('it is settled when nothing is in flight', async () => {
  addMany(2, 'p')
  let settled = false
  const wait = line.settled().then(() => (settled = true))
  await end('p0')
  expect(settled).toBe(false)
  await end('p1')
  await wait
})
