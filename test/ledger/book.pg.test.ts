import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  type AccountClass,
  chartRow,
  merchantCreditAccount,
  normalSide,
  postingsOf,
} from '../../src/domain/accounting/index.ts'
import { makeIds } from '../../src/domain/ids.ts'
import {
  audit,
  ensureLedger,
  type Ledger,
  makeAccountBook,
  makeLedger,
  openDatabase,
  type Sql,
  type TransferInput,
} from '../../src/ledger/index.ts'
import { makeLog } from '../../src/observe/log.ts'
import { testDatabase } from '../support/run-servers.ts'
import { type End, type Entry, KES, UGX } from './support/book.ts'

/** Thirty events go through the rules and the real ledger; every figure below was worked out by hand. */

/** Trial balance: debit and credit, minor units. */
const TRIAL_BALANCE = {
  KES: [
    ['1010 cash:kcb:own', 100_004_750n, 0n],
    ['1010 cash:kcb:trust', 1_674_000n, 0n],
    // 300,000 paid out and 700,000 returned are not on a statement yet.
    ['1015 clearing:kcb', 0n, 1_000_000n],
    ['1030 float:saf', 50_000n, 0n],
    ['1050 receivable:merchant:farm', 7_350n, 0n],
    ['2010 wallet:amina', 0n, 225_550n],
    ['2010 wallet:baraka', 0n, 19_500n],
    ['2020 merchant:coffee:pending', 0n, 76_198n],
    ['2020 merchant:market:pending', 0n, 296_850n],
    ['2030 merchant:coffee:available', 0n, 100_000n],
    ['2050 tax:kra', 0n, 1_207n],
    ['3010 equity:capital', 0n, 100_000_000n],
    ['4010 revenue:fees', 0n, 18_045n],
    ['5010 expense:rail:kcb', 250n, 0n],
    ['5010 expense:rail:saf', 1_000n, 0n],
    ['sum', 101_737_350n, 101_737_350n],
  ],
  UGX: [
    ['1010 cash:dfcu:trust', 7_777n, 0n],
    ['1015 clearing:dfcu', 1_019_000n, 0n],
    ['1050 receivable:merchant:kiosk:credit', 1_225n, 0n],
    ['2010 wallet:grace', 0n, 1_020_000n],
    ['2040 suspense:dfcu', 0n, 7_777n],
    ['2050 tax:ura', 0n, 187n],
    ['4010 revenue:fees', 0n, 1_038n],
    ['5020 expense:writeoff', 1_000n, 0n],
    ['sum', 1_029_002n, 1_029_002n],
  ],
} as const

/** Balance sheet: assets = liabilities + equity + result of the period. */
const BALANCE_SHEET = {
  KES: {
    asset: 100_736_100n,
    liability: 719_305n,
    equity: 100_000_000n,
    income: 18_045n,
    expense: 1_250n,
    result: 16_795n,
  },
  UGX: { asset: 1_028_002n, liability: 1_027_964n, equity: 0n, income: 1_038n, expense: 1_000n, result: 38n },
} as const

const ids = makeIds(Date.now, randomBytes)
let database: Awaited<ReturnType<typeof testDatabase>>
let sql: Sql
let owner: Sql
let ledger: Ledger
const books = { KES: 0, UGX: 0 }

beforeAll(async () => {
  database = await testDatabase()
  sql = openDatabase({ url: database.url('mooring_hub'), name: 'test-hub', connections: 4 })
  owner = openDatabase({ url: database.url('mooring_owner'), name: 'test-owner', connections: 2 })
  ledger = makeLedger({ sql, log: makeLog({ name: 'test', level: 'silent' }) })
  books.KES = (await ensureLedger(owner, 'KES', 2)).id
  books.UGX = (await ensureLedger(owner, 'UGX', 0)).id
  // How far a merchant's refunds may go beyond what it has.
  await makeAccountBook(sql).ensure(books.UGX, [merchantCreditAccount('kiosk', 10_000n)])
  // Both at once, as they come: each currency in its own order.
  await Promise.all([enterAll(books.KES, KES), enterAll(books.UGX, UGX)])
})

afterAll(async () => {
  await ledger.drain()
  await Promise.all([sql.end({ timeout: 1 }), owner.end({ timeout: 1 })])
  await database.drop()
})

async function enterAll(book: number, entries: readonly Entry[]): Promise<void> {
  for (const [i, entry] of entries.entries()) await enter(book, entry, `${String(book)}/${String(i)}`)
}

/** One event: its group as one unit, then the end of what it holds. */
async function enter(book: number, { what, event, end }: Entry, subject: string): Promise<void> {
  const { legs, totalMinor, timing } = postingsOf(event)
  expect(timing === 'reserve').toBe(end !== undefined)
  const accounts = await makeAccountBook(sql).ensure(
    book,
    legs.flatMap((leg) => [leg.debit, leg.credit]),
  )
  const transfers = legs.map((leg, i): TransferInput & { kind: 'post' | 'reserve' } => ({
    id: ids.uuid(),
    ledger: book,
    kind: timing,
    debit: accounts[2 * i] ?? '',
    credit: accounts[2 * i + 1] ?? '',
    amount: leg.amountMinor.toString(),
    subject,
    ...(leg.upTo === true ? { up_to: true as const } : {}),
  }))
  await apply(what, transfers, totalMinor)
  if (end === undefined) return
  const open = await sql<{ id: string }[]>`select id from holds where subject = ${subject}`
  const standing = transfers.filter((transfer) => open.some((hold) => hold.id === transfer.id))
  await apply(
    what,
    standing.map((hold, i) => ending(hold, end, i)),
  )
}

function ending(hold: TransferInput, end: End, i: number): TransferInput {
  const { ledger: book, subject } = hold
  const all = { id: ids.uuid(), ledger: book, pending: hold.id, subject }
  if (end === 'confirm' || end === 'void') return { ...all, kind: end }
  const amount = end.capture[i] ?? 0n
  return amount === 0n ? { ...all, kind: 'void' } : { ...all, kind: 'confirm', amount: amount.toString() }
}

async function apply(what: string, transfers: TransferInput[], totalMinor?: bigint): Promise<void> {
  const total = totalMinor === undefined ? {} : { total: totalMinor.toString() }
  const result = await ledger.apply({ id: ids.uuid(), transfers, ...total, ok: {} })
  if (result.code !== 'ok') throw new Error(`${what}: ${JSON.stringify(result)}`)
}

type Balance = { code: number; name: string; debitMinor: bigint; creditMinor: bigint }

async function balances(book: number): Promise<Balance[]> {
  const rows = await sql<{ code: number; name: string; net: bigint }[]>`
    select code, name, debits_posted - credits_posted as net from accounts
    where ledger = ${book} order by code, name`
  return rows.map(({ code, name, net }) => ({
    code,
    name,
    debitMinor: net > 0n ? net : 0n,
    creditMinor: net < 0n ? -net : 0n,
  }))
}

function sideOf(rows: readonly Balance[], accountClass: AccountClass): bigint {
  return rows
    .filter((row) => chartRow(row.code)?.class === accountClass)
    .reduce((sum, { debitMinor, creditMinor }) => {
      const net = debitMinor - creditMinor
      return sum + (normalSide(accountClass) === 'debit' ? net : -net)
    }, 0n)
}

test('the book has thirty events', () => {
  expect(KES.length + UGX.length).toBe(30)
})

test.each(['KES', 'UGX'] as const)('the trial balance in %s is the one worked out by hand', async (currency) => {
  const rows = await balances(books[currency])
  const lines = rows
    .filter((row) => row.debitMinor !== row.creditMinor)
    .map((row): [string, bigint, bigint] => [`${row.code} ${row.name}`, row.debitMinor, row.creditMinor])
  const sum = (side: 'debitMinor' | 'creditMinor') => rows.reduce((all, row) => all + row[side], 0n)
  expect([...lines, ['sum', sum('debitMinor'), sum('creditMinor')]]).toEqual(TRIAL_BALANCE[currency])
})

test.each(['KES', 'UGX'] as const)('the balance sheet in %s is the one worked out by hand', async (currency) => {
  const rows = await balances(books[currency])
  const [asset, liability, equity, income, expense] = (
    ['asset', 'liability', 'equity', 'income', 'expense'] as const
  ).map((accountClass) => sideOf(rows, accountClass))
  const result = (income ?? 0n) - (expense ?? 0n)
  expect({ asset, liability, equity, income, expense, result }).toEqual(BALANCE_SHEET[currency])
  expect(asset).toBe((liability ?? 0n) + (equity ?? 0n) + result)
})

test('nothing is held any more, and what the merchant lacked is on its credit line', async () => {
  const [held] = await sql<{ count: number }[]>`select count(*)::int as count from holds`
  expect(held?.count).toBe(0)
  const [credit] = await sql<{ owed: bigint; line: bigint }[]>`
    select debits_posted as owed, allowance as line from accounts where name = ${merchantCreditAccount('kiosk').name}`
  expect(credit).toEqual({ owed: 1_225n, line: 10_000n })
})

test('the audit finds the ledgers balanced, and every hold ended once', async () => {
  const breaches = (await audit(owner)).breaches.filter(({ invariant }) => /^L[1-4]$/.test(invariant))
  expect(breaches).toEqual([])
})
