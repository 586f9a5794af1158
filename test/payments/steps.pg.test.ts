import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Clock } from '../../src/domain/clock.ts'
import { cashAccount, walletAccount } from '../../src/domain/accounting/index.ts'
import {
  type Ledger,
  type Sql,
  audit,
  ensureLedger,
  makeAccountBook,
  makeLedger,
  openDatabase,
} from '../../src/ledger/index.ts'
import { makeLog } from '../../src/observe/log.ts'
import {
  makeAftermath,
  makeBearers,
  makeCaller,
  makeInFlightCalls,
  makeIncidentBook,
  makePaymentStore,
  askNow,
  type InquiryBudget,
  type Lane,
  type RailWatch,
  makeStrides,
} from '../../src/payments/index.ts'
import { paymentEvents } from '../../src/payments/events.ts'
import { endTransfers, holdTransfers, release } from '../../src/payments/moves.ts'
import { newAttemptColumns, newPaymentColumns } from '../../src/payments/row-columns.ts'
import type { RailOutcome } from '../../src/rails/port.ts'
import { testDatabase } from '../support/run-servers.ts'
import { oneByOne } from './support/one-by-one.ts'
import { EVIDENCE, scriptedRail, settled, watched } from './support/rail.ts'
import { attemptRow, paymentRow } from './support/rows.ts'
import { paymentIds } from './support/ids.ts'

const log = makeLog({ name: 'test', level: 'silent' })
const RAIL = 'test-bank'
const MINUTE_MS = 60_000

let database: Awaited<ReturnType<typeof testDatabase>>
let hub: Sql
let owner: Sql
let ledger: Ledger
let book: number
/** Added to the time of the steps; the database keeps its own. */
let aheadMs = 0
const clock: Clock = { now: () => Date.now() + aheadMs, monotonic: () => performance.now() }
const ids = paymentIds()

const bank = scriptedRail(RAIL)
const declined = (): RailOutcome => ({
  kind: 'declined',
  code: 'insufficient_funds',
  reason: 'no funds',
  evidence: { ...EVIDENCE, status: 'RJCT AM04' },
  alarm: false,
})
const notFound = (): RailOutcome => ({ kind: 'not_found', evidence: { ...EVIDENCE, via: 'inquiry', status: 'AG09' } })
const unknown = (): RailOutcome => ({ kind: 'unknown', why: 'the connection was reset', alarm: false })
const notSent = (): RailOutcome => ({ kind: 'not_sent', why: 'connection refused' })

let woken: string[] = []

function makeHub(at = bank, watching: Partial<RailWatch> = {}) {
  const store = makePaymentStore(hub)
  const aftermath = makeAftermath({ incidents: makeIncidentBook(hub), log })
  const outcomes = { load: makeBearers({ store, ids }), ledger, ids, clock, log, aftermath }
  return oneByOne(
    makeStrides({
      store,
      ledger,
      ids,
      clock,
      log,
      profiles: at.book.profile,
      feePlan: () => Promise.reject(new Error('nothing here has a plan')),
      holds: { actionMs: MINUTE_MS, captureMs: MINUTE_MS },
      caller: makeCaller({
        ...outcomes,
        rails: watched(at.book, watching),
        calls: makeInFlightCalls(),
        wake: (payment) => void woken.push(payment),
        failpoint: () => {},
      }),
      failpoint: () => {},
    }),
  )
}

beforeAll(async () => {
  database = await testDatabase()
  hub = openDatabase({ url: database.url('mooring_hub'), name: 'test-hub', connections: 4 })
  owner = openDatabase({ url: database.url('mooring_owner'), name: 'test-owner', connections: 2 })
  ledger = makeLedger({ sql: hub, log })
  book = (await ensureLedger(owner, 'KES', 2)).id
})

beforeEach(() => {
  aheadMs = 0
  woken = []
  bank.sent = []
  bank.inquired = []
  bank.send = () => Promise.resolve(settled())
  bank.inquire = () => Promise.resolve(settled())
})

afterAll(async () => {
  await ledger.drain()
  await Promise.all([hub.end({ timeout: 1 }), owner.end({ timeout: 1 })])
  await database.drop()
})

/** A withdrawal as `withdrawal.create` accepts it: the wallet's money held, an attempt prepared. */
async function withdrawal(): Promise<{ id: string; user: string }> {
  const user = ids.make('usr')
  const accounts = makeAccountBook(hub)
  const [cash = '', wallet = ''] = await accounts.ensure(book, [cashAccount('bank', 'trust'), walletAccount(user)])
  const payment = paymentRow({ id: ids.make('pay'), ledger: book, kind: 'withdrawal', payer: user })
  const attempt = attemptRow(payment, { rail: RAIL, operation: 'payOut' })
  const fund = {
    id: ids.uuid(),
    ledger: book,
    kind: 'post' as const,
    debit: cash,
    credit: wallet,
    amount: '100',
    subject: 'fund',
  }
  expect(await ledger.apply({ id: ids.uuid(), transfers: [fund], ok: {} })).toEqual({ code: 'ok' })
  const events = paymentEvents(payment, RAIL, ids, { balances: true })
  const accepted = await ledger.apply({
    id: ids.uuid(),
    transfers: await holdTransfers(payment, RAIL, ids, accounts),
    ok: { new_payment: newPaymentColumns(payment), new_attempt: newAttemptColumns(attempt), events },
  })
  expect(accepted).toEqual({ code: 'ok' })
  return { id: payment.id, user }
}

/** Where a payment and its money stand: status, reason, failure, attempt, and the wallet's posted and held. */
async function standing({ id, user }: { id: string; user: string }) {
  const state = await makePaymentStore(hub).state(id)
  const [wallet] = await hub<{ held: bigint; left: bigint }[]>`
    select debits_pending as held, credits_posted - debits_posted as left from accounts where name = ${`wallet:${user}`}`
  return {
    status: state?.payment.status,
    reason: state?.payment.status_reason,
    failure: state?.payment.failure_code,
    attempt: state?.attempt?.state,
    held: wallet?.held,
    left: wallet?.left,
  }
}

test('reserve, dispatch, confirm: the money moves once at the bank and once in the books', async () => {
  const steps = makeHub()
  const payment = await withdrawal()
  expect(await steps.reserve(payment.id)).toEqual({ step: 'dispatch', call: 'submit', afterMs: 0 })
  expect(await steps.dispatch(payment.id)).toEqual({ step: 'done', status: 'succeeded' })
  expect(await steps.confirm(payment.id)).toEqual({ step: 'done', status: 'succeeded' })
  expect(await standing(payment)).toMatchObject({ status: 'succeeded', attempt: 'settled', held: 0n, left: 0n })
})

test('what has moved the money ends its payment with the outcome, as one, and the workflow has it by then', async () => {
  const payment = await withdrawal()
  expect(await makeHub().dispatch(payment.id)).toEqual({ step: 'done', status: 'succeeded' })
  expect(await standing(payment)).toMatchObject({ status: 'succeeded', attempt: 'settled', held: 0n, left: 0n })
  expect((await makePaymentStore(hub).payment(payment.id))?.started_at).toBeInstanceOf(Date)
  expect((await audit(owner)).breaches).toEqual([])
})

test('every step run again, in any order, repeats nothing', async () => {
  const steps = makeHub()
  const payment = await withdrawal()
  const all = [steps.reserve, steps.dispatch, steps.confirm, steps.look, steps.inquire, steps.release]
  for (const step of [...all, ...all.toReversed(), ...all]) await step(payment.id)
  expect(bank.sent).toHaveLength(1)
  expect(await standing(payment)).toMatchObject({ status: 'succeeded', held: 0n, left: 0n })
})

test('of dispatches at the same moment, by several hubs, one sends', async () => {
  const payment = await withdrawal()
  await Promise.all(Array.from({ length: 20 }, () => makeHub().dispatch(payment.id)))
  expect(bank.sent).toHaveLength(1)
})

test('a call journalled by a process that died is not made again: it is inquired at its deadline', async () => {
  const payment = await withdrawal()
  bank.send = () => new Promise(() => {})
  void makeHub().dispatch(payment.id)
  await expect.poll(() => bank.sent.length).toBe(1)
  const steps = makeHub()
  const next = await steps.reserve(payment.id)
  expect(next).toMatchObject({ step: 'wait' })
  expect(await steps.dispatch(payment.id)).toMatchObject({ step: 'wait' })
  expect(await steps.inquire(payment.id)).toMatchObject({ step: 'wait' })
  expect(bank.inquired).toHaveLength(0)
  aheadMs = 8_100
  bank.inquire = () => Promise.resolve(notFound())
  expect(await steps.inquire(payment.id)).toMatchObject({ step: 'release' })
  expect(await steps.release(payment.id)).toEqual({ step: 'done', status: 'failed' })
  expect(await standing(payment)).toMatchObject({ status: 'failed', failure: 'not_executed', held: 0n, left: 100n })
  expect(bank.sent).toHaveLength(1)
})

test('an unknown outcome holds the money, says so, and is ended by evidence alone', async () => {
  const steps = makeHub()
  const payment = await withdrawal()
  bank.send = () => Promise.resolve(unknown())
  expect(await steps.dispatch(payment.id)).toMatchObject({ step: 'wait', ms: 0 })
  expect(await standing(payment)).toMatchObject({ status: 'processing', reason: 'awaiting_rail', held: 100n })
  bank.inquire = () => Promise.resolve(unknown())
  for (const later of [0, MINUTE_MS, 60 * MINUTE_MS, 24 * 60 * MINUTE_MS, 240 * 60 * MINUTE_MS]) {
    aheadMs = later
    expect(await steps.inquire(payment.id)).toMatchObject({ step: 'wait' })
  }
  expect(bank.inquired).toHaveLength(5)
  expect(await standing(payment)).toMatchObject({ status: 'processing', attempt: 'unknown', held: 100n })
  aheadMs = 300 * 60 * MINUTE_MS
  bank.inquire = () => Promise.resolve(settled())
  expect(await steps.inquire(payment.id)).toEqual({ step: 'done', status: 'succeeded' })
  expect(await steps.confirm(payment.id)).toEqual({ step: 'done', status: 'succeeded' })
  expect(await standing(payment)).toMatchObject({ reason: null, held: 0n, left: 0n })
})

test('an inquiry that the rail’s budget has no turn for changes nothing but when it is asked, and is not one', async () => {
  const payment = await withdrawal()
  bank.send = () => Promise.resolve(unknown())
  expect(await makeHub().dispatch(payment.id)).toMatchObject({ step: 'wait', ms: 0 })
  const before = await makePaymentStore(hub).attempt(payment.id, 1)
  const lanes: Lane[] = []
  const budget: InquiryBudget = {
    ask: (_rail, lane) => {
      lanes.push(lane)
      return Promise.resolve({ kind: 'not_asked', afterMs: 1_050 })
    },
  }
  const next = await makeHub(bank, { budget }).inquire(payment.id)
  expect(next).toMatchObject({ step: 'wait', stage: 'outcome_unknown' })
  if (next.step === 'wait') expect(next.ms).toBeLessThanOrEqual(1_050)
  const after = await makePaymentStore(hub).attempt(payment.id, 1)
  expect(after).toEqual({ ...before, next_look_at: after?.next_look_at })
  expect(bank.inquired).toEqual([])
  aheadMs = 1_100
  expect(await makeHub().inquire(payment.id)).toEqual({ step: 'done', status: 'succeeded' })
  expect(lanes).toEqual(['scheduled'])
})

test('what a callback wakes before its time takes no turn of the schedule', async () => {
  const payment = await withdrawal()
  bank.send = () => Promise.resolve(unknown())
  await makeHub().dispatch(payment.id)
  bank.inquire = () => Promise.resolve(unknown())
  await makeHub().inquire(payment.id)
  const lanes: Lane[] = []
  const budget: InquiryBudget = {
    ask: (_rail, lane, question) => {
      lanes.push(lane)
      return question()
    },
  }
  // Twice woken early; the second is no less early because of the first. Then the schedule's own, and none is lost.
  for (const ms of [1_000, 2_000]) {
    aheadMs = ms
    await askNow({ ledger, ids, clock }, { payment: payment.id, no: 1 })
    await makeHub(bank, { budget }).inquire(payment.id)
  }
  aheadMs = 12_000
  await makeHub(bank, { budget }).inquire(payment.id)
  expect(lanes).toEqual(['woken', 'woken', 'scheduled'])
})

test('a decline gives the money back and names its cause', async () => {
  const steps = makeHub()
  const payment = await withdrawal()
  bank.send = () => Promise.resolve(declined())
  expect(await steps.dispatch(payment.id)).toMatchObject({ step: 'release' })
  await steps.release(payment.id)
  expect(await standing(payment)).toMatchObject({
    status: 'failed',
    failure: 'insufficient_funds',
    held: 0n,
    left: 100n,
  })
})

test('what was not sent is sent again after its gap, as the same reference, and settles', async () => {
  const steps = makeHub()
  const payment = await withdrawal()
  bank.send = () => Promise.resolve(notSent())
  const next = await steps.dispatch(payment.id)
  expect(next).toMatchObject({ step: 'dispatch' })
  expect(await steps.dispatch(payment.id)).toMatchObject({ step: 'dispatch' })
  expect(bank.sent).toHaveLength(1)
  aheadMs = 600
  bank.send = () => Promise.resolve(settled())
  expect(await steps.dispatch(payment.id)).toEqual({ step: 'done', status: 'succeeded' })
  expect(new Set(bank.sent).size).toBe(1)
})

test('what could not be sent until start_by ends failed, rail_unavailable, with the money back', async () => {
  const steps = makeHub()
  const payment = await withdrawal()
  bank.send = () => Promise.resolve(notSent())
  await steps.dispatch(payment.id)
  aheadMs = MINUTE_MS + 1
  expect(await steps.look(payment.id)).toMatchObject({ step: 'release' })
  await steps.release(payment.id)
  expect(await standing(payment)).toMatchObject({ status: 'failed', failure: 'rail_unavailable', held: 0n, left: 100n })
})

test('what the rail may have is not given up because it could not be sent once more', async () => {
  const lagging = scriptedRail(RAIL, { notFound: { submit: 'resend' } })
  const steps = makeHub(lagging)
  const payment = await withdrawal()
  lagging.send = () => Promise.resolve(unknown())
  lagging.inquire = () => Promise.resolve(notFound())
  await steps.dispatch(payment.id)
  aheadMs = MINUTE_MS + 10_000
  expect(await steps.inquire(payment.id)).toMatchObject({ step: 'dispatch', afterMs: 0 })
  lagging.send = () => Promise.resolve(notSent())
  for (let sends = 2; sends < 6; sends++) {
    const next = await steps.dispatch(payment.id)
    expect(next).toMatchObject({ step: 'dispatch', call: 'submit' })
    expect(next.step === 'dispatch' && next.afterMs).toBeGreaterThan(0)
    expect(await steps.release(payment.id)).toMatchObject({ step: 'dispatch' })
    expect(await standing(payment)).toMatchObject({ status: 'processing', attempt: 'not_found', held: 100n })
    aheadMs += 10_000
    expect(lagging.sent).toHaveLength(sends)
  }
  // It was carried out, which the rail's lists did not show.
  lagging.send = () => Promise.resolve(settled())
  expect(await steps.dispatch(payment.id)).toEqual({ step: 'done', status: 'succeeded' })
  expect(new Set(lagging.sent).size).toBe(1)
})

test('a payment not dispatched by start_by expires, and the bank never hears of it', async () => {
  const steps = makeHub()
  const payment = await withdrawal()
  await owner`update payments set start_by = clock_timestamp() - interval '1 s' where id = ${payment.id}`
  expect(await steps.dispatch(payment.id)).toMatchObject({ step: 'release' })
  await steps.release(payment.id)
  expect(await standing(payment)).toMatchObject({ status: 'expired', failure: null, held: 0n, left: 100n })
  expect(bank.sent).toHaveLength(0)
})

test('the database refuses a dispatch past start_by also to a hub whose clock is behind', async () => {
  const steps = makeHub()
  const payment = await withdrawal()
  await owner`update payments set start_by = clock_timestamp() - interval '1 s' where id = ${payment.id}`
  aheadMs = -10 * MINUTE_MS
  await steps.dispatch(payment.id)
  expect(bank.sent).toHaveLength(0)
})

test('of a cancel and a dispatch at the same moment exactly one happens', async () => {
  const store = makePaymentStore(hub)
  const outcomes = await Promise.all(
    Array.from({ length: 30 }, async () => {
      const payment = await withdrawal()
      bank.sent = []
      const state = await store.state(payment.id)
      if (state === null) throw new Error('just made')
      const { unit } = release(state, { status: 'canceled' }, ['prepared', 'not_sent'], ids, Date.now())
      const [cancel] = await Promise.all([ledger.apply(unit), makeHub().dispatch(payment.id)])
      return { canceled: cancel.code === 'ok', ...(await standing(payment)) }
    }),
  )
  for (const { canceled, status, attempt } of outcomes) {
    expect(canceled ? [status, attempt] : [attempt]).toEqual(canceled ? ['canceled', 'prepared'] : ['settled'])
  }
})

test('an answer later than the fast window is still heard: written, and the workflow told', async () => {
  const steps = makeHub()
  const payment = await withdrawal()
  const answer = Promise.withResolvers<RailOutcome>()
  bank.send = () => answer.promise
  expect(await steps.dispatch(payment.id)).toMatchObject({ step: 'wait' })
  expect(await standing(payment)).toMatchObject({
    status: 'processing',
    reason: 'awaiting_rail',
    attempt: 'dispatched',
  })
  answer.resolve(settled())
  await expect.poll(() => woken).toEqual([payment.id])
  expect(await steps.look(payment.id)).toEqual({ step: 'done', status: 'succeeded' })
})

test('a late answer that contradicts the recorded outcome flips nothing and opens one incident', async () => {
  const steps = makeHub()
  const payment = await withdrawal()
  const answer = Promise.withResolvers<RailOutcome>()
  bank.send = () => answer.promise
  await steps.dispatch(payment.id)
  aheadMs = 8_100
  bank.inquire = () => Promise.resolve(notFound())
  await steps.inquire(payment.id)
  await steps.release(payment.id)
  answer.resolve(settled())
  await expect.poll(() => woken).toEqual([payment.id])
  const incidents = await hub<{ kind: string }[]>`select kind from incidents where payment = ${payment.id}`
  expect(incidents.map(({ kind }) => kind)).toEqual(['contradicting_outcome'])
  expect(await standing(payment)).toMatchObject({ status: 'failed', attempt: 'not_found', held: 0n, left: 100n })
})

test('only the holder of the fence may say that nothing was sent', async () => {
  const slow = makeHub()
  const payment = await withdrawal()
  const first = Promise.withResolvers<RailOutcome>()
  bank.send = () => first.promise
  await slow.dispatch(payment.id)
  await owner`update attempts set dispatch_token = ${randomUUID()} where payment = ${payment.id}`
  first.resolve(notSent())
  await expect.poll(() => woken).toEqual([payment.id])
  expect(await standing(payment)).toMatchObject({ attempt: 'dispatched', held: 100n })
})

test('the books are clean after all of it', async () => {
  expect((await audit(owner)).breaches).toEqual([])
})

// After the books were proved: this one spoils them.
test('what the rail says is written even where the ledger refuses the end, which the step for it then says aloud', async () => {
  const steps = makeHub()
  const payment = await withdrawal()
  bank.send = async () => {
    const state = await makePaymentStore(hub).state(payment.id)
    if (state === null) throw new Error('just made')
    expect(await ledger.apply({ id: ids.uuid(), transfers: endTransfers(state, 'void'), ok: {} })).toEqual({
      code: 'ok',
    })
    return settled()
  }
  expect(await steps.dispatch(payment.id)).toEqual({ step: 'confirm' })
  expect(await standing(payment)).toMatchObject({ status: 'processing', attempt: 'settled' })
  await expect(steps.confirm(payment.id)).rejects.toThrow('nothing to confirm')
})
