import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Clock } from '../../src/domain/clock.ts'
import { attemptReference, makeIds } from '../../src/domain/ids.ts'
import { type Ledger, type Sql, ensureLedger, makeLedger, openDatabase } from '../../src/ledger/index.ts'
import { makeLog } from '../../src/observe/log.ts'
import { makeRailHealth } from '../../src/payments/index.ts'
import { newAttemptColumns } from '../../src/payments/row-columns.ts'
import type { AttemptRow } from '../../src/payments/rows.ts'
import { testDatabase } from '../support/run-servers.ts'
import { attemptRow, paymentRow } from './support/rows.ts'

/** The first authentic answer of a rail after failures wakes what waits for it (payments.md, Inquiry). */

const WAITING = 30
const MINUTE_MS = 60_000
const log = makeLog({ name: 'test', level: 'silent' })
const clock: Clock = { now: Date.now, monotonic: () => performance.now() }
const ids = makeIds(Date.now, randomBytes)

let database: Awaited<ReturnType<typeof testDatabase>>
let hub: Sql
let owner: Sql
let ledger: Ledger
let book: number
let woken: { bearer: string; atMs: number }[]
let perSecond: number
/** Each test's own: what an earlier one woke may still be looking for more. */
let rail: string
let health: ReturnType<typeof makeRailHealth>

beforeAll(async () => {
  database = await testDatabase()
  hub = openDatabase({ url: database.url('mooring_hub'), name: 'test-hub', connections: 4 })
  owner = openDatabase({ url: database.url('mooring_owner'), name: 'test-owner', connections: 2 })
  ledger = makeLedger({ sql: hub, log })
  book = (await ensureLedger(owner, 'KES', 2)).id
})
beforeEach(() => {
  rail = `bank-${ids.uuid()}`
  woken = []
  perSecond = 1_000
  health = makeHealth()
})
afterEach(async () => {
  await owner`delete from attempts`
})
afterAll(async () => {
  await ledger.drain()
  await Promise.all([hub.end({ timeout: 1 }), owner.end({ timeout: 1 })])
  await database.drop()
})

const makeHealth = () =>
  makeRailHealth({
    sql: hub,
    ledger,
    ids,
    clock,
    log,
    wake: (bearer) => void woken.push({ bearer, atMs: performance.now() }),
    perSecond: () => perSecond,
  })

/** An attempt of a payment or a refund that waits for an inquiry minutes away, dispatched so long ago. */
async function waiting(agoMs: number, of: Partial<AttemptRow> & { bearer?: 'pay' | 'rfd' } = {}): Promise<string> {
  const { bearer = 'pay', ...more } = of
  const id = ids.make(bearer)
  const operation = bearer === 'rfd' ? 'refund' : 'collect'
  const payment = paymentRow({ id, ledger: book, kind: 'topup' })
  const original = { reference: 'o', uetr: randomUUID(), amount: '100', dispatched_at: '', rail_reference: null }
  const at = new Date(Date.now() - agoMs)
  const row = attemptRow(payment, {
    rail,
    operation,
    reference: attemptReference(id, operation, 1),
    state: 'unknown',
    dispatch_token: ids.uuid(),
    dispatched_at: at,
    updated_at: at,
    next_look_at: new Date(Date.now() + 5 * MINUTE_MS),
    ...more,
  })
  const { state, dispatch_token: token, dispatched_at: dispatched, updated_at: updated, next_look_at: next } = row
  const born = { ...newAttemptColumns({ ...row, state: 'prepared' }), ...(bearer === 'rfd' ? { original } : {}) }
  expect(await ledger.apply({ id: ids.uuid(), ok: { new_attempt: born } })).toEqual({ code: 'ok' })
  await owner`
    update attempts set state = ${state}, dispatch_token = ${token}, dispatched_at = ${dispatched}, updated_at = ${updated},
      next_look_at = ${next}
    where payment = ${id}`
  return id
}

const names = () => woken.map(({ bearer }) => bearer)
const settles = (count: number) => expect.poll(() => woken.length, { timeout: 30_000 }).toBe(count)
const isDueNow = async (id: string) => {
  const [row] = await hub<{ due: boolean }[]>`
    select next_look_at <= clock_timestamp() as due from attempts where payment = ${id}`
  return row?.due
}

test('all that waits is woken, of payments and of refunds, the oldest first, and is due at once', async () => {
  const bearers = Array.from({ length: WAITING }, (_, i) => (i % 3 === 0 ? ('rfd' as const) : ('pay' as const)))
  const state = (i: number) => (i % 2 === 0 ? ('unknown' as const) : ('pending' as const))
  const made = await Promise.all(
    bearers.map(async (bearer, i) => ({ id: await waiting(MINUTE_MS + i * 1_000, { bearer, state: state(i) }), i })),
  )
  const others = [
    await waiting(MINUTE_MS, { rail: 'other-bank' }),
    await waiting(MINUTE_MS, { state: 'settled' }),
    await waiting(MINUTE_MS, { state: 'dispatched' }),
  ]
  // Fewer a page than there are.
  perSecond = 20
  health.heard(rail, false)
  health.heard(rail, true)
  await settles(WAITING)
  expect(names()).toEqual(made.toSorted((a, b) => b.i - a.i).map(({ id }) => id))
  for (const id of names()) expect(await isDueNow(id)).toBe(true)
  for (const id of others) expect(await isDueNow(id)).toBe(false)
  // Within the budget: so many gaps of a twentieth of a second, whatever the machine adds to them.
  const took = (woken.at(-1)?.atMs ?? 0) - (woken[0]?.atMs ?? 0)
  expect(took).toBeGreaterThanOrEqual((WAITING - 1) * (1_000 / perSecond) * 0.9)
})

test('a rail that goes on answering wakes nobody again', async () => {
  await waiting(MINUTE_MS)
  health.heard(rail, true)
  await settles(1)
  const later = await waiting(MINUTE_MS)
  const other = await waiting(MINUTE_MS, { rail: 'other-bank' })
  health.heard(rail, true)
  health.heard('other-bank', true)
  await expect.poll(() => names().includes(other), { timeout: 30_000 }).toBe(true)
  expect(names()).not.toContain(later)
  health.heard(rail, false)
  health.heard(rail, true)
  await expect.poll(() => names().includes(later), { timeout: 30_000 }).toBe(true)
})

test('a rail that fails again is left alone until it answers, and then all are woken that were not asked about since', async () => {
  perSecond = 20
  for (let i = 0; i < 10; i++) await waiting(MINUTE_MS + i * 1_000)
  health.heard(rail, true)
  await expect.poll(() => woken.length, { timeout: 30_000 }).toBeGreaterThan(0)
  health.heard(rail, false)
  const before = [...names()]
  expect(before.length).toBeLessThan(9)
  // As long as it takes another rail to wake as many, at the same pace, at most the one that was under way follows.
  for (let i = 0; i < 5; i++) await waiting(MINUTE_MS, { rail: 'other-bank' })
  const ours = new Set(
    (await owner<{ payment: string }[]>`select payment from attempts where rail = ${rail}`).map((row) => row.payment),
  )
  health.heard('other-bank', true)
  await expect.poll(() => names().filter((each) => !ours.has(each)).length, { timeout: 30_000 }).toBe(5)
  expect(names().filter((each) => ours.has(each)).length).toBeLessThanOrEqual(before.length + 1)
  // Those that were woken are asked about, while it fails: they wait again.
  await owner`
    update attempts set next_look_at = clock_timestamp() + interval '5 minutes', updated_at = clock_timestamp() - interval '10 milliseconds'
    where payment in ${owner(before)}`
  health.heard(rail, true)
  await expect.poll(() => [...ours].every((each) => names().includes(each)), { timeout: 30_000 }).toBe(true)
  for (const id of before) expect(names().filter((each) => each === id)).toHaveLength(2)
})

test('two hubs that hear of it wake nobody who was asked about since', async () => {
  const [asked, other] = [await waiting(2 * MINUTE_MS), await waiting(MINUTE_MS)]
  await owner`update attempts set updated_at = clock_timestamp() + interval '1 second' where payment = ${asked}`
  health.heard(rail, true)
  makeHealth().heard(rail, true)
  await expect.poll(() => isDueNow(other), { timeout: 30_000 }).toBe(true)
  expect(await isDueNow(asked)).toBe(false)
  expect(names()).not.toContain(asked)
})
