import { afterAll, beforeAll, expect, test } from 'vitest'
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
import { makePaymentStore, review } from '../../src/payments/index.ts'
import { paymentEvents } from '../../src/payments/events.ts'
import { holdTransfers } from '../../src/payments/moves.ts'
import { newAttemptColumns, newPaymentColumns } from '../../src/payments/row-columns.ts'
import { testDatabase } from '../support/run-servers.ts'
import type { AttemptRow } from '../../src/payments/rows.ts'
import { attemptRow, paymentRow } from './support/rows.ts'
import { paymentIds } from './support/ids.ts'

const log = makeLog({ name: 'test', level: 'silent' })
const ids = paymentIds()
const clock = { now: Date.now, monotonic: () => performance.now() }
const HOUR_MS = 3_600_000

let database: Awaited<ReturnType<typeof testDatabase>>
let hub: Sql
let owner: Sql
let ledger: Ledger
let book: number

beforeAll(async () => {
  database = await testDatabase()
  hub = openDatabase({ url: database.url('mooring_hub'), name: 'test-hub', connections: 4 })
  owner = openDatabase({ url: database.url('mooring_owner'), name: 'test-owner', connections: 2 })
  ledger = makeLedger({ sql: hub, log })
  book = (await ensureLedger(owner, 'KES', 2)).id
})
afterAll(async () => {
  await ledger.drain()
  await Promise.all([hub.end(), owner.end()])
  await database.drop()
})

/** A withdrawal that was sent this long ago and has not been heard of. */
async function sentAgo(ms: number, stands: Partial<AttemptRow> = {}): Promise<string> {
  const user = ids.make('usr')
  const accounts = makeAccountBook(hub)
  const [cash = '', wallet = ''] = await accounts.ensure(book, [cashAccount('bank', 'trust'), walletAccount(user)])
  const fund = {
    id: ids.uuid(),
    ledger: book,
    kind: 'post' as const,
    debit: cash,
    credit: wallet,
    amount: '100',
    subject: 'fund',
  }
  await ledger.apply({ id: ids.uuid(), transfers: [fund], ok: {} })
  const payment = paymentRow({
    id: ids.make('pay'),
    ledger: book,
    kind: 'withdrawal',
    payer: user,
    updated_at: new Date(Date.now() - ms),
  })
  const sent = {
    state: stands.state ?? 'unknown',
    dispatched_at: new Date(Date.now() - ms).toISOString(),
    dispatch_token: ids.uuid(),
    sends: 1,
  }
  const attempt = attemptRow(payment, { rail: 'bank', operation: 'payOut', ...stands })
  const born = await ledger.apply({
    id: ids.uuid(),
    transfers: await holdTransfers(payment, 'bank', ids, accounts),
    ok: {
      new_payment: newPaymentColumns(payment),
      new_attempt: { ...newAttemptColumns(attempt), ...sent },
      events: paymentEvents(payment, 'bank', ids, { balances: true }),
    },
  })
  expect(born).toEqual({ code: 'ok' })
  return payment.id
}

const reviewed = (woken: string[]) =>
  review({
    sql: hub,
    store: makePaymentStore(hub),
    ledger,
    ids,
    clock,
    log,
    wake: (id) => void woken.push(id),
    needsOperatorAfterMs: HOUR_MS,
  })

test('so does what its rail cannot be sent again, or has not been asked to give back', async () => {
  const [lost, young, reserved] = [
    await sentAgo(2 * HOUR_MS, { state: 'not_found' }),
    await sentAgo(HOUR_MS / 2, { state: 'not_found' }),
    await sentAgo(2 * HOUR_MS, { step: 'cancel', state: 'not_sent' }),
  ]
  // Tried again and again, which makes its call look young.
  await owner`update attempts set dispatched_at = clock_timestamp() where payment = ${reserved}`
  const woken: string[] = []
  expect((await reviewed(woken)).escalated).toBe(2)
  expect(woken.toSorted()).toEqual([lost, reserved].toSorted())
  const store = makePaymentStore(hub)
  for (const [id, reason] of [
    [lost, 'needs_operator'],
    [reserved, 'needs_operator'],
    [young, null],
  ] as const) {
    expect((await store.state(id))?.payment.status_reason).toBe(reason)
  }
  expect((await reviewed(woken)).escalated).toBe(0)
})

test('what waits too long at a rail says so once, is woken, and is decided by nobody', async () => {
  const [late, fresh] = [await sentAgo(2 * HOUR_MS), await sentAgo(HOUR_MS / 2)]
  const store = makePaymentStore(hub)
  const woken: string[] = []
  const once = () => reviewed(woken)
  const found = await once()
  expect(found.escalated).toBe(1)
  expect(found.waiting).toMatchObject([{ rail: 'bank', state: 'unknown', count: 2 }])
  expect(found.waiting[0]?.oldestS).toBeGreaterThanOrEqual(7_200)
  expect(woken).toEqual([late])
  const [after, young] = [await store.state(late), await store.state(fresh)]
  expect(after?.payment).toMatchObject({ status: 'processing', status_reason: 'needs_operator', version: 2 })
  expect(after?.attempt).toMatchObject({ state: 'unknown' })
  expect(after?.holds).toHaveLength(1)
  expect(young?.payment).toMatchObject({ status_reason: null, version: 1 })
  expect((await once()).escalated).toBe(0)
  expect((await audit(owner)).breaches).toEqual([])
})
