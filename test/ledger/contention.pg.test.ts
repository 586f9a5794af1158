import { randomBytes, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeIds } from '../../src/domain/ids.ts'
import { cashAccount, walletAccount } from '../../src/domain/accounting/index.ts'
import {
  type Ledger,
  type Sql,
  type Unit,
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
let pools: Sql[]
let hubs: Ledger[]
let owner: Sql
let book: number

beforeAll(async () => {
  database = await testDatabase()
  pools = ['hub-0', 'hub-1'].map((name) => openDatabase({ url: database.url('mooring_hub'), name, connections: 2 }))
  hubs = pools.map((sql) => makeLedger({ sql, log }))
  owner = openDatabase({ url: database.url('mooring_owner'), name: 'test-owner', connections: 1 })
  book = (await ensureLedger(owner, 'KES', 2)).id
})

afterAll(async () => {
  await Promise.all([...pools, owner].map((sql) => sql.end()))
  await database.drop()
})

const expiresAt = new Date(Date.now() + 600_000).toISOString()

function signed(jti: string): Unit {
  return { id: ids.uuid(), jti: { device: 'dev_contention', jti, expires_at: expiresAt }, ok: {} }
}

function order(orderRef: string): Unit {
  const at = new Date().toISOString()
  const payment = {
    id: ids.make('pay'),
    ledger: book,
    kind: 'purchase',
    status: 'requires_confirmation',
    version: 1,
    amount: '100',
    currency: 'KES',
    fee: '0',
    payer_fee: '0',
    captured_amount: '0',
    refund_reserved: '0',
    refunded_amount: '0',
    payee: 'mer_contention',
    payee_name: 'M',
    merchant: 'mer_contention',
    order_ref: orderRef,
    capture_method: 'automatic',
    metadata: {},
    created_at: at,
    updated_at: at,
  }
  return { id: ids.uuid(), ok: { new_payment: payment } }
}

/** Each name at both hubs at the same time, in opposite order. */
async function raced(make: (name: string) => Unit): Promise<Map<string, string[]>> {
  const names = Array.from({ length: 60 }, () => randomUUID())
  const codes = new Map<string, string[]>(names.map((name) => [name, []]))
  const ask = async (hub: Ledger | undefined, name: string) => {
    const result = await hub?.apply(make(name))
    codes.get(name)?.push(result?.code ?? 'none')
  }
  await Promise.all([
    ...names.map((name) => ask(hubs[0], name)),
    ...names.toReversed().map((name) => ask(hubs[1], name)),
  ])
  return codes
}

test.each([
  ['jti', signed, 'jti_used'],
  ['open order reference', order, 'conflict'],
])(
  'one %s at two hubs at once, in opposite order, is taken once, without a deadlock or a broken batch',
  async (_what, make, late) => {
    const [before] = await deadlocks()
    for (let n = 0; n < 5; n++) {
      for (const codes of (await raced(make)).values()) {
        expect(codes.filter((code) => code === 'ok')).toHaveLength(1)
        expect(['busy', late]).toContain(codes.find((code) => code !== 'ok'))
      }
    }
    expect(await deadlocks()).toEqual([before])
  },
)

test('a jti whose first use has committed is said to be used, in the very moment it does', async () => {
  const [cash = '', wallet = ''] = await makeAccountBook(pools[0] ?? owner).ensure(book, [
    cashAccount('bank', 'trust'),
    walletAccount(ids.make('usr')),
  ])
  // The account they share makes the second wait for the first's commit.
  const spend = (jti: string): Unit => ({
    ...signed(jti),
    transfers: [{ id: ids.uuid(), ledger: book, kind: 'post', debit: cash, credit: wallet, amount: '1', subject: 'x' }],
  })
  const seen = new Set<string>()
  for (let n = 0; n < 300; n++) {
    const jti = randomUUID()
    const results = await Promise.all(hubs.map((hub) => hub.apply(spend(jti))))
    seen.add(
      results
        .map((result) => result.code)
        .toSorted()
        .join(' '),
    )
  }
  expect([...seen]).toEqual(['jti_used ok'])
})

async function deadlocks(): Promise<number[]> {
  await owner`select pg_stat_clear_snapshot()`
  const rows = await owner<{ n: string }[]>`
    select deadlocks::text as n from pg_stat_database where datname = current_database()`
  return rows.map((row) => Number(row.n))
}

test('a temporary table of the hub’s does not stand in for the ledger’s accounts', async () => {
  const sql = openDatabase({ url: database.url('mooring_hub'), name: 'hub-2', connections: 1 })
  const [cash = '', empty = ''] = await makeAccountBook(sql).ensure(book, [
    cashAccount('bank', 'trust'),
    walletAccount(ids.make('usr')),
  ])
  await sql`create temporary table accounts as select * from accounts`
  await sql`update pg_temp.accounts set credits_posted = 1000000`
  await sql`grant all on pg_temp.accounts to public`
  const spend = {
    id: ids.uuid(),
    ledger: book,
    kind: 'post',
    debit: empty,
    credit: cash,
    amount: '500',
    subject: 'x',
  } as const
  const result = await makeLedger({ sql, log }).apply({ id: ids.uuid(), transfers: [spend], ok: {} })
  expect(result).toEqual({ code: 'refused', transfer: 'exceeds_credits', leg: 0 })
  await sql.end()
})
