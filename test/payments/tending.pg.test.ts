import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { Clock } from '../../src/domain/clock.ts'
import { attemptReference } from '../../src/domain/ids.ts'
import { walletAccount } from '../../src/domain/accounting/index.ts'
import {
  type Ledger,
  type Sql,
  ensureLedger,
  makeAccountBook,
  makeLedger,
  openDatabase,
} from '../../src/ledger/index.ts'
import { makeLog } from '../../src/observe/log.ts'
import {
  TENDING_LIMITS,
  expireOpen,
  makeAftermath,
  makeBearers,
  makeIncidentBook,
  makePaymentStore,
  patrol,
  recordOutcome,
  sendCodes,
  sweep,
  type Late,
} from '../../src/payments/index.ts'
import { endUnaccepted } from '../../src/payments/asked.ts'
import { testDatabase } from '../support/run-servers.ts'
import { scriptedRail } from './support/rail.ts'
import { paymentIds } from './support/ids.ts'

const log = makeLog({ name: 'test', level: 'silent' })
const clock: Clock = { now: Date.now, monotonic: () => performance.now() }
const ids = paymentIds()
const MINUTE_MS = 60_000

let database: Awaited<ReturnType<typeof testDatabase>>
let hub: Sql
let owner: Sql
let ledger: Ledger
let book: number
let restarted: string[] = []
let started: string[] = []
let woken: string[] = []

beforeAll(async () => {
  database = await testDatabase()
  hub = openDatabase({ url: database.url('mooring_hub'), name: 'test-hub', connections: 4 })
  owner = openDatabase({ url: database.url('mooring_owner'), name: 'test-owner', connections: 2 })
  ledger = makeLedger({ sql: hub, log })
  book = (await ensureLedger(owner, 'KES', 2)).id
  await makeAccountBook(hub).ensure(book, [walletAccount('usr_tendingtest'), walletAccount('usr_otherperson')])
})

afterEach(async () => {
  restarted = []
  started = []
  woken = []
  await owner`delete from payments`
  await owner`delete from attempts`
})

afterAll(async () => {
  await ledger.drain()
  await Promise.all([hub.end(), owner.end()])
  await database.drop()
})

function tending(through: Ledger = ledger) {
  return {
    sql: hub,
    store: makePaymentStore(hub),
    ledger: through,
    ids,
    clock,
    log,
    startLate: (late: readonly Late[]) => void started.push(...late.map(({ id }) => id)),
    restart: (payment: string) => void restarted.push(payment),
    wake: (payment: string) => void woken.push(payment),
    rails: scriptedRail('bank').book,
  }
}

/** A payment accepted this long ago and not touched since; `startedToo`: its workflow once took it over. */
async function processing(agoMs: number, startedToo = true): Promise<string> {
  const id = ids.make('pay')
  const at = new Date(Date.now() - agoMs).toISOString()
  await owner`
    insert into payments (id, ledger, kind, status, version, amount, currency, payer, payee, payee_name,
      source_type, created_at, updated_at, accepted_at, start_by, started_at)
    values (${id}, ${book}, 'transfer', 'processing', 1, 100, 'KES', 'usr_tendingtest', 'usr_otherperson', 'B',
      'wallet', ${at}, ${at}, ${at}, ${at}::timestamptz + interval '60 s', ${startedToo ? at : null})`
  return id
}

/** What is with the bank, to be asked about at this time. */
async function pendingAttempt(payment: string, nextLookAt: Date): Promise<void> {
  await owner`
    insert into attempts (payment, no, ledger, rail, operation, reference, uetr, amount, currency, account,
      account_holder, description, state, dispatch_token, dispatched_at, sends, next_look_at, updated_at)
    values (${payment}, 1, ${book}, 'bank', 'collect', ${attemptReference(payment, 'collect', 1)}, ${randomUUID()}, 100,
      'KES', 'DE23999999990000000000', 'A', 'x', 'pending', ${randomUUID()}, now() - interval '2 days', 1,
      ${nextLookAt.toISOString()}, now())`
}

test('evidence that comes long before the next inquiry ends a payment whose workflow is gone, at the next patrol', async () => {
  const id = await processing(48 * 60 * MINUTE_MS)
  await pendingAttempt(id, new Date(Date.now() + 60 * MINUTE_MS))
  await patrol(tending())
  expect(restarted).toEqual([])

  await recordOutcome(
    {
      load: makeBearers({ store: makePaymentStore(hub), ids }),
      ledger,
      ids,
      clock,
      log,
      aftermath: makeAftermath({ incidents: makeIncidentBook(hub), log }),
    },
    {
      bearer: id,
      no: 1,
      step: 'submit',
      outcome: { kind: 'settled', evidence: { via: 'callback', id: 'S1', status: 'ACSC', railReference: 'R1' } },
    },
  )
  await patrol(tending())
  expect(restarted).toEqual([id])
})

test('a code that was taken and is not on its way is told of again, and nothing else is', async () => {
  const typed = async (agoMs: number, step: string) => {
    const id = await processing(agoMs)
    await pendingAttempt(id, new Date())
    await owner`
      update attempts set state = 'prepared', step = ${step}, updated_at = now() - make_interval(secs => ${agoMs / 1_000})
      where payment = ${id}`
    return id
  }
  const lost = await typed(10_000, 'validate')
  await typed(500, 'validate')
  await typed(10_000, 'submit')
  await sendCodes(tending())
  expect(woken).toEqual([lost])
})

/** An order past its time; `accepted`: its payer said yes, and the rail asks for a code while the money is held. */
async function order(status: 'requires_confirmation' | 'requires_action', accepted: boolean): Promise<string> {
  const id = ids.make('pay')
  const at = new Date(Date.now() - MINUTE_MS).toISOString()
  await owner`
    insert into payments (id, ledger, kind, status, version, amount, currency, payer, payee, payee_name, merchant,
      source_type, created_at, updated_at, accepted_at, expires_at)
    values (${id}, ${book}, 'purchase', ${status}, 1, 100, 'KES', ${accepted ? 'usr_tendingtest' : null},
      'mer_tendingtest', 'M', 'mer_tendingtest', ${accepted ? 'bank' : null}, ${at}, ${at}, ${accepted ? at : null}, ${at})`
  return id
}

test('what nobody has accepted expires past its time, and what holds money does not: its rail decides', async () => {
  const open = [await order('requires_confirmation', false), await order('requires_action', false)]
  const held = await order('requires_action', true)
  await expireOpen(tending())
  const store = makePaymentStore(hub)
  expect(await Promise.all([...open, held].map(async (id) => (await store.payment(id))?.status))).toEqual([
    'expired',
    'expired',
    'requires_action',
  ])
  const row = await store.payment(held)
  if (row === null) throw new Error('no payment')
  expect(() => endUnaccepted(row, 'expired', ids, Date.now())).toThrow('illegal_postings')
})

test('payments that cannot go on, however many, do not hide from the patrol those behind them', async () => {
  for (let n = 0; n < TENDING_LIMITS.rows; n++) await processing(2 * MINUTE_MS)
  const behind = await processing(MINUTE_MS)
  await patrol(tending())
  expect(restarted).toContain(behind)
  expect(new Set(restarted).size).toBe(TENDING_LIMITS.rows + 1)
})

test('a payment that cannot be expired does not keep the sweeper from those behind it', async () => {
  const broken = await processing(3 * MINUTE_MS, false)
  const next = await processing(2 * MINUTE_MS, false)
  const fresh = await processing(10_000, false)
  const through: Ledger = {
    ...ledger,
    apply: (unit) =>
      unit.guard?.payment?.id === broken ? Promise.reject(new Error('the unit raised')) : ledger.apply(unit),
  }
  await sweep(tending(through))
  const store = makePaymentStore(hub)
  expect((await store.payment(next))?.status).toBe('expired')
  expect((await store.payment(broken))?.status).toBe('processing')
  expect(started).toEqual([fresh])
})
