import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  type AccountSpec,
  capitalAccount,
  cashAccount,
  clearingAccount,
  feeRevenueAccount,
  merchantPendingAccount,
  merchantReceivableAccount,
  railExpenseAccount,
  taxAccount,
  walletAccount,
  writeoffAccount,
} from '../../src/domain/accounting/index.ts'
import {
  NotSealedYet,
  balanceSheet,
  ensureLedger,
  incomeStatement,
  statement,
  trialBalance,
  verify,
} from '../../src/ledger/index.ts'
import { seedFrom } from '../support/seed.ts'
import { type Books, openBooks } from './support/books.ts'
import { chance, oneOf, sealInPieces } from './support/history.ts'
import { type Replayed, readHistory, replayUpTo } from './support/replay.ts'

/** Reports as of any moment, in two currencies at once, against every transfer added up. HISTORY_SEED plays it again. */
const SEED = seedFrom('HISTORY_SEED')
const STEPS = 500

const FLOWS: readonly [AccountSpec, AccountSpec][] = [
  [cashAccount('bank', 'own'), capitalAccount()],
  [clearingAccount('bank'), walletAccount('amina')],
  [cashAccount('bank', 'trust'), clearingAccount('bank')],
  [clearingAccount('bank'), merchantPendingAccount('coffee')],
  [clearingAccount('bank'), feeRevenueAccount()],
  [feeRevenueAccount(), taxAccount('kra')],
  [railExpenseAccount('bank'), cashAccount('bank', 'own')],
  [merchantReceivableAccount('coffee'), walletAccount('amina')],
  [writeoffAccount(), merchantReceivableAccount('coffee')],
]

type Account = AccountSpec & { id: string }

let books: Books
let history: Replayed[]
let sealed: bigint
const ledgers: { id: number; accounts: Account[] }[] = []
const below = chance(SEED)

beforeAll(async () => {
  books = await openBooks()
  const second = await ensureLedger(books.owner, 'UGX', 0)
  const specs = [...new Map(FLOWS.flat().map((spec) => [spec.name, spec])).values()]
  for (const id of [books.book, second.id]) {
    const opened = await books.accounts.ensure(id, specs)
    ledgers.push({ id, accounts: specs.map((spec, n) => ({ ...spec, id: opened[n] ?? '' })) })
  }
  for (let step = 0; step < STEPS; step++) {
    const { id, accounts } = oneOf(ledgers, below)
    const [debit, credit] = oneOf(FLOWS, below).map(({ name }) => accounts.find((each) => each.name === name)?.id ?? '')
    const move = { ...books.post(debit ?? '', credit ?? '', 1 + below(10_000)), ledger: id }
    // A third is held first, and some of that never posted.
    if (below(3) > 0) await books.apply([move])
    else {
      await books.apply([{ ...move, kind: 'reserve' }])
      if (below(2) === 0) await books.apply([{ ...books.end('confirm', move.id), ledger: id }])
    }
  }
  await sealInPieces(books.owner, below)
  history = await readHistory(books.owner)
  sealed = history.at(-1)?.position ?? 0n
})

afterAll(() => books.close())

const moments = (): bigint[] => [0n, 1n, sealed, ...Array.from({ length: 25 }, () => BigInt(below(Number(sealed) + 1)))]

/** Posted debits less posted credits, by hand. */
function netOf(account: Account, position: bigint): bigint {
  const counters = replayUpTo(history, [account.id], position)
  return counters.debitsPostedMinor - counters.creditsPostedMinor
}

/** The sum over accounts whose codes begin with this digit. */
function sumOf(accounts: readonly Account[], digit: number, position: bigint): bigint {
  return accounts
    .filter(({ code }) => Math.floor(code / 1_000) === digit)
    .reduce((sum, account) => sum + netOf(account, position), 0n)
}

test('a trial balance is balanced as of any position, and has the net of each account of its own currency', async () => {
  for (const position of moments()) {
    for (const { id, accounts } of ledgers) {
      const balance = await trialBalance(books.owner, id, { position })
      expect(balance.position).toBe(position)
      expect(balance.debitMinor).toBe(balance.creditMinor)
      const wanted = accounts.map((account) => ({ account: account.id, net: netOf(account, position) }))
      const found = balance.rows.map((row) => ({ account: row.account, net: row.debitMinor - row.creditMinor }))
      const standing = wanted.filter(({ net }) => net !== 0n)
      expect(new Map(found.map(({ account, net }) => [account, net]))).toEqual(
        new Map(standing.map(({ account, net }) => [account, net])),
      )
      expect(balance.rows.every((row) => row.debitMinor === 0n || row.creditMinor === 0n)).toBe(true)
    }
  }
})

test('without a moment it is that of the counters now, the same as of all of history', async () => {
  for (const { id } of ledgers) {
    const { position: _, ...now } = await trialBalance(books.owner, id)
    expect(await trialBalance(books.owner, id, { position: sealed })).toEqual({ position: sealed, ...now })
  }
})

test('assets equal claims as of any position: liabilities, equity, and what was earned so far', async () => {
  for (const position of moments()) {
    for (const { id, accounts } of ledgers) {
      const sheet = await balanceSheet(books.owner, id, { position })
      expect(sheet.assetsMinor).toBe(sheet.claimsMinor)
      expect(sheet.assetsMinor).toBe(sumOf(accounts, 1, position))
      const result = -sumOf(accounts, 4, position) - sumOf(accounts, 5, position)
      expect(sheet.resultMinor).toBe(result)
      expect(sheet.claimsMinor).toBe(-sumOf(accounts, 2, position) - sumOf(accounts, 3, position) + result)
    }
  }
})

test('an income statement between two moments is the difference of what was earned by them', async () => {
  for (let i = 0; i < 25; i++) {
    const [from = 0n, to = 0n] = [below(Number(sealed) + 1), below(Number(sealed) + 1)]
      .toSorted((a, b) => a - b)
      .map(BigInt)
    for (const { id, accounts } of ledgers) {
      const earned = await incomeStatement(books.owner, id, { from: { position: from }, to: { position: to } })
      expect(earned).toMatchObject({ from, to })
      expect(earned.incomeMinor).toBe(sumOf(accounts, 4, from) - sumOf(accounts, 4, to))
      expect(earned.expensesMinor).toBe(sumOf(accounts, 5, to) - sumOf(accounts, 5, from))
      const [before, after] = [
        await balanceSheet(books.owner, id, { position: from }),
        await balanceSheet(books.owner, id, { position: to }),
      ]
      expect(earned.resultMinor).toBe(after.resultMinor - before.resultMinor)
    }
  }
})

test('by default it is of all sealed history', async () => {
  for (const { id } of ledgers) {
    const all = await incomeStatement(books.owner, id)
    expect(all).toMatchObject({ from: 0n, to: sealed })
    expect(all.resultMinor).toBe((await balanceSheet(books.owner, id)).resultMinor)
    expect(all.income.length + all.expenses.length).toBe(3)
  }
})

test('accounts of one name in two currencies have statements of their own', async () => {
  for (const { id, accounts } of ledgers) {
    for (const account of accounts) {
      const { lines } = await statement(books.owner, account.id, { limit: 1_000 })
      const shown = lines.map(({ transfer }) => transfer)
      const own = history.filter(({ debit, credit }) => debit === account.id || credit === account.id)
      expect(shown).toEqual(own.map((transfer) => transfer.id))
    }
    const [counted] = await books.owner<{ n: bigint }[]>`select count(*) as n from transfers where ledger = ${id}`
    expect(counted?.n).toBeGreaterThan(100n)
  }
})

test('history is sealed in a chain for each currency', async () => {
  const { faults, heads, notSealed } = await verify(books.owner)
  expect(faults).toEqual([])
  expect(notSealed).toBe(0n)
  expect(heads.map(({ ledger }) => ledger).toSorted((a, b) => a - b)).toEqual(ledgers.map(({ id }) => id))
  for (const { no } of heads) expect(no).toBeGreaterThan(1n)
})

test('no report is given as of a position that is not sealed', async () => {
  const beyond = { position: sealed + 1n }
  await expect(trialBalance(books.owner, books.book, beyond)).rejects.toThrow(NotSealedYet)
  await expect(balanceSheet(books.owner, books.book, beyond)).rejects.toThrow(NotSealedYet)
  await expect(incomeStatement(books.owner, books.book, { to: beyond })).rejects.toThrow(NotSealedYet)
  await expect(incomeStatement(books.owner, books.book, { from: beyond })).rejects.toThrow(NotSealedYet)
})
