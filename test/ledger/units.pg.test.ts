import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeIds } from '../../src/domain/ids.ts'
import {
  cashAccount,
  merchantPendingAccount,
  walletAccount,
  type AccountSpec,
} from '../../src/domain/accounting/index.ts'
import {
  type Ledger,
  type Sql,
  type TransferInput,
  type Unit,
  audit,
  ensureLedger,
  makeAccountBook,
  makeLedger,
  openDatabase,
} from '../../src/ledger/index.ts'
import { makeLog } from '../../src/observe/log.ts'
import { testDatabase } from '../support/run-servers.ts'

const log = makeLog({ name: 'test', level: 'silent' })
const ids = makeIds(Date.now, randomBytes)

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
  await Promise.all([hub.end({ timeout: 1 }), owner.end({ timeout: 1 })])
  await database.drop()
})

async function open(...specs: AccountSpec[]): Promise<string[]> {
  return makeAccountBook(hub).ensure(book, specs)
}

/** A wallet that holds this much, filled from the trust account. */
async function wallet(amount: number): Promise<string> {
  const [cash = '', account = ''] = await open(cashAccount('bank', 'trust'), walletAccount(ids.make('usr')))
  if (amount > 0) expect(await apply([post(cash, account, amount)])).toEqual({ code: 'ok' })
  return account
}

async function merchant(): Promise<string> {
  const [account = ''] = await open(merchantPendingAccount(ids.make('mer')))
  return account
}

function post(debit: string, credit: string, amount: number): TransferInput {
  return { id: ids.uuid(), ledger: book, kind: 'post', debit, credit, amount: String(amount), subject: 'test' }
}

function reserve(debit: string, credit: string, amount: number): TransferInput & { kind: 'post' | 'reserve' } {
  return { id: ids.uuid(), ledger: book, kind: 'reserve', debit, credit, amount: String(amount), subject: 'test' }
}

function end(kind: 'confirm' | 'void', pending: string): TransferInput {
  return { id: ids.uuid(), ledger: book, kind, pending, subject: 'test' }
}

function unit(transfers: TransferInput[]): Unit {
  return { id: ids.uuid(), transfers, ok: {} }
}

function apply(transfers: TransferInput[]) {
  return ledger.apply(unit(transfers))
}

async function counters(account: string) {
  const [row] = await hub<{ dp: bigint; dd: bigint; cp: bigint; cc: bigint }[]>`
    select debits_pending as dp, debits_posted as dd, credits_pending as cp, credits_posted as cc
    from accounts where id = ${account}`
  return row
}

test('a hold counts against what can be spent, and confirming it moves the money', async () => {
  const [payer, payee] = [await wallet(100), await merchant()]
  const hold = reserve(payer, payee, 60)
  expect(await apply([hold])).toEqual({ code: 'ok' })
  expect(await apply([post(payer, payee, 41)])).toEqual({ code: 'refused', transfer: 'exceeds_credits', leg: 0 })
  expect(await apply([end('confirm', hold.id)])).toEqual({ code: 'ok' })
  expect(await counters(payer)).toEqual({ dp: 0n, dd: 60n, cp: 0n, cc: 100n })
  expect(await counters(payee)).toEqual({ dp: 0n, dd: 0n, cp: 0n, cc: 60n })
})

test('of 200 parallel spends of one balance exactly the affordable ones succeed', async () => {
  const [payer, payee] = [await wallet(1_000), await merchant()]
  const results = await Promise.all(Array.from({ length: 200 }, () => apply([reserve(payer, payee, 30)])))
  expect(results.filter((result) => result.code === 'ok')).toHaveLength(33)
  expect(await counters(payer)).toMatchObject({ dp: 990n, cc: 1_000n })
})

test('legs of one unit happen together or not at all', async () => {
  const [payer, payee] = [await wallet(100), await merchant()]
  expect(await apply([reserve(payer, payee, 70), reserve(payer, payee, 40)])).toEqual({
    code: 'refused',
    transfer: 'exceeds_credits',
    leg: 1,
  })
  expect(await counters(payer)).toMatchObject({ dp: 0n, dd: 0n })
})

test('a refused unit between two others leaves them as they are, also in one batch', async () => {
  const [payer, payee] = [await wallet(100), await merchant()]
  // One connection keeps the order: the first goes alone, the others wait for it and go as one batch.
  const one = makeLedger({ sql: hub, log, limits: { connections: 1 } })
  const results = await Promise.all([150, 50, 60, 50].map((amount) => one.apply(unit([post(payer, payee, amount)]))))
  expect(results.map((result) => result.code)).toEqual(['refused', 'ok', 'refused', 'ok'])
  expect(one.stats().batches).toBe(1)
})

test('a hold ends once: of parallel confirms and voids one wins', async () => {
  const [payer, payee] = [await wallet(100), await merchant()]
  const hold = reserve(payer, payee, 100)
  await apply([hold])
  const results = await Promise.all(
    Array.from({ length: 40 }, (_, i) => apply([end(i % 2 === 0 ? 'confirm' : 'void', hold.id)])),
  )
  expect(results.filter((result) => result.code === 'ok')).toHaveLength(1)
  const [row] = await owner`select count(*)::int as ends from transfers where pending_id = ${hold.id}`
  expect(row?.['ends']).toBe(1)
})

test('the same unit again is answered from memory and happens once', async () => {
  const [payer, payee] = [await wallet(100), await merchant()]
  const once = unit([post(payer, payee, 10)])
  const results = await Promise.all(Array.from({ length: 20 }, () => ledger.apply(once)))
  expect(new Set(results.map((result) => result.code))).toEqual(new Set(['ok']))
  expect(await counters(payer)).toMatchObject({ dd: 10n })
  expect(await ledger.apply({ ...once, transfers: [post(payer, payee, 11)] })).toEqual({ code: 'unit_differs' })
})

test('a refused transfer id stays refused, also once there is money', async () => {
  const [payer, payee] = [await wallet(0), await merchant()]
  const spend = post(payer, payee, 10)
  expect(await apply([spend])).toEqual({ code: 'refused', transfer: 'exceeds_credits', leg: 0 })
  const [cash = ''] = await open(cashAccount('bank', 'trust'))
  await apply([post(cash, payer, 100)])
  expect(await apply([spend])).toEqual({ code: 'refused', transfer: 'id_already_failed', leg: 0 })
})

test('a transfer id with other content is named by what differs', async () => {
  const [payer, payee, other] = [await wallet(100), await merchant(), await merchant()]
  const first = post(payer, payee, 10)
  await apply([first])
  const again = (change: object) => apply([{ ...first, ...change }])
  expect(await again({})).toEqual({ code: 'ok', amounts: { [first.id]: '10' } })
  expect(await again({ amount: '11' })).toEqual({ code: 'refused', transfer: 'exists_with_different_amount', leg: 0 })
  expect(await again({ credit: other })).toEqual({ code: 'refused', transfer: 'exists_with_different_credit', leg: 0 })
  expect(await again({ kind: 'reserve' })).toEqual({ code: 'refused', transfer: 'exists_with_different_kind', leg: 0 })
  expect(await counters(payer)).toMatchObject({ dd: 10n, dp: 0n })
})

test('frozen and closed accounts refuse new spends, and still let a hold end', async () => {
  const [payer, payee] = [await wallet(100), await merchant()]
  const hold = reserve(payer, payee, 40)
  await apply([hold])
  await owner`update accounts set frozen = true where id = ${payer}`
  expect(await apply([post(payer, payee, 1)])).toEqual({ code: 'refused', transfer: 'account_frozen', leg: 0 })
  expect(await apply([end('confirm', hold.id)])).toEqual({ code: 'ok' })
})

test('an unknown account is refused by name of its side and does not disturb the batch', async () => {
  const [payer, payee] = [await wallet(100), await merchant()]
  const results = await Promise.all([
    apply([post(randomUUID(), payee, 1)]),
    apply([post(payer, randomUUID(), 1)]),
    apply([post(payer, payee, 1)]),
  ])
  expect(results).toEqual([
    { code: 'refused', transfer: 'debit_account_not_found', leg: 0 },
    { code: 'refused', transfer: 'credit_account_not_found', leg: 0 },
    { code: 'ok' },
  ])
})

test('a command key is answered once; other content under it is refused; the reply is replayed', async () => {
  const [payer, payee] = [await wallet(100), await merchant()]
  const key = { scope: 'usr_keytest01', key: 'k'.repeat(16), hash: 'a' }
  const accept = (hash = 'a'): Unit => ({
    id: ids.uuid(),
    key: { ...key, hash },
    transfers: [post(payer, payee, 10)],
    ok: { reply: { ok: true, body: '{"n":1}' } },
  })
  const results = await Promise.all(Array.from({ length: 50 }, () => ledger.apply(accept())))
  expect(results.filter((result) => result.code === 'ok')).toHaveLength(1)
  expect(await counters(payer)).toMatchObject({ dd: 10n })
  expect(await ledger.apply(accept())).toEqual({ code: 'replayed', reply: { ok: true, body: '{"n":1}' } })
  expect(await ledger.apply(accept('b'))).toEqual({ code: 'key_reused' })
})

test('a refusal is stored under its key, spends no jti and leaves the account as it was', async () => {
  const [payer, payee] = [await wallet(5), await merchant()]
  const jti = { device: 'dev_test0001', jti: 'j'.repeat(20), expires_at: new Date(Date.now() + 60_000).toISOString() }
  const refusal = {
    ok: false as const,
    error: {
      code: 'insufficient_funds' as const,
      message: 'no',
      retryable: false,
      retry_after_ms: null,
      request_id: 'req_1',
    },
  }
  const accept = (key: string): Unit => ({
    id: ids.uuid(),
    key: { scope: 'usr_keytest02', key, hash: 'a' },
    jti,
    transfers: [reserve(payer, payee, 10)],
    ok: { reply: { ok: true, body: '{}' } },
    refused: { reply: refusal },
  })
  expect(await ledger.apply(accept('k1'.repeat(8)))).toMatchObject({
    code: 'refused',
    transfer: 'exceeds_credits',
    leg: 0,
  })
  expect(await ledger.apply(accept('k1'.repeat(8)))).toEqual({ code: 'replayed', reply: refusal })
  const [cash = ''] = await open(cashAccount('bank', 'trust'))
  await apply([post(cash, payer, 100)])
  const both = await Promise.all([ledger.apply(accept('k2'.repeat(8))), ledger.apply(accept('k3'.repeat(8)))])
  expect(both.map((result) => result.code).toSorted()).toEqual(['jti_used', 'ok'])
})

test('events of a feed are numbered without holes in the order of commit', async () => {
  const feed = ids.make('usr')
  const tell = (n: number): Unit => ({
    id: ids.uuid(),
    ok: { events: [{ id: ids.make('evt'), feed, name: 'source.updated', body: { n } }] },
  })
  await Promise.all(Array.from({ length: 100 }, (_, n) => ledger.apply(tell(n))))
  const rows = await hub<{ seq: bigint }[]>`select seq from outbox where feed = ${feed} order by seq`
  expect(rows.map((row) => Number(row.seq))).toEqual(Array.from({ length: 100 }, (_, n) => n + 1))
})

test('the hub cannot touch a transfer or an account but through the function', async () => {
  await expect(hub`update accounts set credits_posted = 1000000`).rejects.toThrow(/permission denied/)
  await expect(hub`delete from transfers`).rejects.toThrow(/permission denied/)
  await expect(hub`insert into holds (ledger, id, debit_account, credit_account, amount, subject)
    values (1, ${randomUUID()}, ${randomUUID()}, ${randomUUID()}, 1, 'x')`).rejects.toThrow(/permission denied/)
  await expect(owner`delete from transfers`).rejects.toThrow(/append-only/)
})

test('the audit is clean after all of this, and names a row that was tampered with', async () => {
  expect((await audit(owner)).breaches).toEqual([])
  const payer = await wallet(500)
  await owner`update accounts set credits_posted = credits_posted + 7 where id = ${payer}`
  const { breaches } = await audit(owner)
  expect(breaches.map((breach) => breach.invariant)).toEqual(['L1', 'L2', 'L8'])
  const [row] = await hub<{ name: string }[]>`select name from accounts where id = ${payer}`
  expect(breaches[1]?.what).toContain(row?.name)
  await owner`update accounts set credits_posted = credits_posted - 7 where id = ${payer}`
})
