import { beforeEach, expect, test } from 'vitest'
import { DURABLE_LIMITS, makeStartLine, type StartLine } from '../../src/durable/index.ts'

const { starts_at_first: first, starts_at_most: most, starts_at_least: least } = DURABLE_LIMITS

let nowMs: number
let line: StartLine
let begun: string[]
let ends: Map<string, () => void>
beforeEach(() => {
  nowMs = 0
  line = makeStartLine({ monotonic: () => nowMs })
  begun = []
  ends = new Map()
})

const add = (id: string, lane: 'fresh' | 'late' = 'fresh') =>
  line.add(id, lane, () => {
    begun.push(id)
    return new Promise<void>((resolve) => ends.set(id, resolve))
  })
const addMany = (count: number, of: string, lane?: 'late') => {
  for (let i = 0; i < count; i++) add(`${of}${i}`, lane)
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

test('the fresh go before those that are late, which have every fourth turn all the same', async () => {
  addMany(first, 'p')
  addMany(8, 'late', 'late')
  addMany(8, 'fresh')
  for (let i = 0; i < 8; i++) await end(`p${i}`)
  expect(begun.slice(first).map((id) => id.replace(/[0-9]/, ''))).toEqual(
    expect.arrayContaining(['fresh', 'fresh', 'fresh', 'late', 'fresh', 'fresh', 'fresh', 'late']),
  )
  expect(begun.slice(first).filter((id) => id.startsWith('late'))).toEqual(['late0', 'late1'])
})

test('what has waited too long is not begun: it may have expired since', async () => {
  addMany(first + 2, 'p')
  nowMs = DURABLE_LIMITS.start_waits_ms + 1
  add('young')
  await end('p0')
  expect(begun.slice(first)).toEqual(['young'])
  expect(line.look().waiting).toBe(0)
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
  expect(line.look().window).toBe(first + 3)
  learn(most, 'answered')
  expect(line.look().window).toBe(most)
})

test('it shrinks by one with each slow answer and by half with each that fails, as far as the least', () => {
  learn(3, 'answered', DURABLE_LIMITS.start_slow_ms + 1)
  expect(line.look().window).toBe(first - 3)
  learn(1, 'failed')
  expect(line.look().window).toBe(Math.floor((first - 3) / 2))
  learn(5, 'failed')
  expect(line.look().window).toBe(least)
  learn(1, 'answered', DURABLE_LIMITS.start_slow_ms + 1)
  expect(line.look().window).toBe(least)
})

test('beyond what may wait in a lane it takes none there, and those it leaves out it forgets', async () => {
  addMany(first + DURABLE_LIMITS.starts_waiting, 'p')
  expect([add('one too many'), add('late', 'late')]).toEqual([false, true])
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
