import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { IDENTITY_LIMITS } from '../../src/identity/limits.ts'
import { makePins, type Pins, type PinVerdict } from '../../src/identity/pins.ts'
import { ids, openStage, type Stage } from './stage.ts'

/** A guess costs a try, whatever runs beside it. */
let stage: Stage
const pepper = randomBytes(32)
beforeAll(async () => {
  stage = await openStage()
})
afterAll(() => stage.close())

/** Hubs that share the database: each judges by itself. */
const makeHub = (): Pins => makePins({ sql: stage.sql, pepper })

async function userWithPin(pin = '2580', by = makeHub()): Promise<string> {
  const user = ids.make('usr')
  await stage.admin`insert into users (id, phone) values (${user}, ${`+2547${randomBytes(4).readUInt32BE().toString()}`})`
  const secret = await by.secretOf(user, pin)
  await stage.admin`insert into pins (user_id, secret, version) values (${user}, ${secret}, 1)`
  return user
}

const kinds = (verdicts: PinVerdict[], kind: PinVerdict['kind']): number =>
  verdicts.filter((verdict) => verdict.kind === kind).length

/** The lock as if that much of it had passed. */
const pass = (user: string, ms: number) =>
  stage.admin`update pins set locked_until = locked_until - make_interval(secs => ${ms / 1_000}) where user_id = ${user}`

test('of 100 wrong guesses at once, on two hubs, five are judged', async () => {
  const user = await userWithPin()
  const [a, b] = [makeHub(), makeHub()]
  const guesses = Array.from({ length: 100 }, (_, i) => (i % 2 === 0 ? a : b).judge(user, String(3_000 + i)))
  const verdicts = await Promise.all(guesses)
  expect([kinds(verdicts, 'wrong'), kinds(verdicts, 'locked')]).toEqual([5, 95])
  expect(await a.judge(user, '2580')).toMatchObject({ kind: 'locked' })
})

test('of many right ones at once none is locked out, and the count begins anew', async () => {
  const user = await userWithPin()
  const hub = makeHub()
  for (let i = 0; i < IDENTITY_LIMITS.pin_tries - 1; i++) await hub.judge(user, '1111')
  const verdicts = await Promise.all(Array.from({ length: 20 }, () => hub.judge(user, '2580')))
  expect(verdicts).toEqual(Array.from({ length: 20 }, () => ({ kind: 'right', version: 1 })))
  expect(await hub.judge(user, '1111')).toEqual({ kind: 'wrong', triesLeft: 4, lockedForMs: null })
})

test('after the last try the wait grows with each further one, and only the right PIN ends it', async () => {
  const user = await userWithPin()
  const hub = makeHub()
  const left: (number | null)[] = []
  for (let i = 0; i < IDENTITY_LIMITS.pin_tries; i++) {
    const verdict = await hub.judge(user, '1111')
    left.push(verdict.kind === 'wrong' ? verdict.triesLeft : null)
  }
  expect(left).toEqual([4, 3, 2, 1, 0])
  const waits: number[] = []
  for (let i = 0; i < 3; i++) {
    const locked = await hub.judge(user, '1111')
    if (locked.kind !== 'locked') throw new Error(`a guess was ${locked.kind}`)
    waits.push(Math.round(locked.lockedForMs / IDENTITY_LIMITS.pin_lock_ms))
    await pass(user, locked.lockedForMs)
    const judged = await hub.judge(user, '1111')
    expect(judged).toMatchObject({ kind: 'wrong', triesLeft: 0 })
  }
  expect(waits).toEqual([1, 2, 4])
  const locked = await hub.judge(user, '2580')
  expect(locked.kind).toBe('locked')
  await pass(user, locked.kind === 'locked' ? locked.lockedForMs : 0)
  expect(await hub.judge(user, '2580')).toEqual({ kind: 'right', version: 1 })
  expect(await hub.judge(user, '1111')).toEqual({ kind: 'wrong', triesLeft: 4, lockedForMs: null })
})

test('once a lock is past, one of many guesses at once is judged', async () => {
  const user = await userWithPin()
  const [a, b] = [makeHub(), makeHub()]
  await stage.admin`update pins set failures = 5, locked_until = clock_timestamp() where user_id = ${user}`
  const verdicts = await Promise.all(Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? a : b).judge(user, '1111')))
  expect(kinds(verdicts, 'wrong')).toBe(1)
})

test('the wait has an end, however often it was guessed', async () => {
  const user = await userWithPin()
  await stage.admin`update pins set failures = 1000000 where user_id = ${user}`
  const verdict = await makeHub().judge(user, '1111')
  const most = IDENTITY_LIMITS.pin_lock_ms * 2 ** IDENTITY_LIMITS.pin_lock_doublings
  expect(verdict.kind === 'wrong' && verdict.lockedForMs !== null && verdict.lockedForMs <= most).toBe(true)
})

test('users do not share tries', async () => {
  const [one, other] = [await userWithPin(), await userWithPin()]
  const hub = makeHub()
  await Promise.all(Array.from({ length: 10 }, () => hub.judge(one, '1111')))
  expect(await hub.judge(other, '2580')).toMatchObject({ kind: 'right' })
})

test('whoever sets many PINs at once is not before others who are judged', async () => {
  const user = await userWithPin()
  const hub = makeHub()
  let made = 0
  const many = Array.from({ length: 40 }, () => hub.secretOf('usr_many', '2580').then(() => (made += 1)))
  expect(await hub.judge(user, '2580')).toMatchObject({ kind: 'right' })
  expect(made).toBeLessThan(10)
  await Promise.all(many)
})

describe('what is stored', () => {
  test('is worth nothing under another pepper, and differs for the same PIN of two users', async () => {
    const user = await userWithPin()
    const stranger = makePins({ sql: stage.sql, pepper: randomBytes(32) })
    expect(await stranger.judge(user, '2580')).toMatchObject({ kind: 'wrong' })
    const hub = makeHub()
    const secret = await hub.secretOf(user, '2580')
    expect(secret).toMatch(/^scrypt\$16384\$8\$1\$/)
    expect(secret).not.toContain('2580')
    const other = await userWithPin('7913')
    await stage.admin`update pins set secret = ${secret ?? ''} where user_id = ${other}`
    expect(await hub.judge(other, '2580')).toMatchObject({ kind: 'wrong' })
  })

  test('is a user without a PIN: nothing to be judged', async () => {
    expect(await makeHub().judge(ids.make('usr'), '2580')).toEqual({ kind: 'none' })
    expect(await makeHub().version(ids.make('usr'))).toBe(0)
  })
})

test('while PINs are judged the event loop goes on, and what would wait too long is turned away', async () => {
  const hub = makeHub()
  let turns = 0
  let going = true
  const turn = (): void => {
    turns += 1
    if (going) setImmediate(turn)
  }
  setImmediate(turn)
  // Nothing but the derivation: on the loop it would be a turn or two.
  await hub.secretOf('usr_loop', '2580')
  going = false
  expect(turns).toBeGreaterThan(20)
  const crowd = IDENTITY_LIMITS.pin_lanes + IDENTITY_LIMITS.pins_waiting
  const many = await Promise.all(Array.from({ length: crowd + 50 }, () => hub.judge(ids.make('usr'), '2580')))
  expect(many.filter((verdict) => verdict.kind === 'busy')).toHaveLength(50)
})

test('what one user asks for waits in a bounded line of its own, and others’ PINs are judged meanwhile', async () => {
  const hub = makeHub()
  const [greedy, other] = [await userWithPin(), await userWithPin()]
  const { pins_waiting_of_user: most } = IDENTITY_LIMITS
  const many = Array.from({ length: 1 + most + 500 }, () => hub.secretOf(greedy, '2580'))
  expect(await hub.judge(greedy, '2580')).toEqual({ kind: 'busy' })
  expect(await hub.judge(other, '2580')).toMatchObject({ kind: 'right' })
  const made = await Promise.all(many)
  expect(made.filter((secret) => secret !== null)).toHaveLength(1 + most)
  expect(await hub.judge(greedy, '2580')).toMatchObject({ kind: 'right' })
})

test('nor do many users fill the hub together', async () => {
  const hub = makeHub()
  const users = Array.from({ length: 10 }, () => ids.make('usr'))
  const { pins_waiting_of_user: ofUser, pins_waiting_behind: ofAll } = IDENTITY_LIMITS
  const asked = users.flatMap((user) => Array.from({ length: 1 + ofUser }, () => hub.judge(user, '2580')))
  const verdicts = await Promise.all(asked)
  expect(verdicts.filter(({ kind }) => kind !== 'busy')).toHaveLength(users.length + ofAll)
})
