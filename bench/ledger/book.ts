import { randomBytes } from 'node:crypto'
import {
  type AccountSpec,
  cashAccount,
  feeRevenueAccount,
  merchantPendingAccount,
  walletAccount,
} from '../../src/domain/accounting/index.ts'
import { type Ids, makeIds } from '../../src/domain/ids.ts'
import {
  type AccountBook,
  type Ledger,
  type Sql,
  accountId,
  ensureLedger,
  makeAccountBook,
  makeLedger,
} from '../../src/ledger/index.ts'
import { makeLog } from '../../src/observe/log.ts'

/** The books a bench works on: flagged wallets with money in them, merchants, and one revenue account. */

export const CURRENCY = 'KES'
/** What each wallet begins with, minor units: more than a bench can spend. */
const FUNDS_MINOR = '1000000000000'
const CHUNK = 1_000

export const ids: Ids = makeIds(Date.now, randomBytes)
export const log = makeLog({ name: 'bench-ledger', level: 'warn' })

/** Names follow from a number, so that several processes know the same accounts. */
const digits = (n: number): string => String(n).padStart(22, '0')
export const userOf = (n: number): string => `usr_${digits(n)}`
export const merchantOf = (n: number): string => `mer_${digits(n)}`
export const storeOf = (n: number): string => `sto_${digits(n)}`

export type Book = {
  ledger: number
  /** Flagged: debits may not exceed credits. */
  wallets: readonly string[]
  merchants: readonly string[]
  /** One for all: what every fee is credited to. */
  revenue: string
}

export function bookOf(ledger: number, size: { wallets: number; merchants: number }): Book {
  const ofAll = (count: number, spec: (n: number) => AccountSpec) =>
    Array.from({ length: count }, (_, n) => accountId(ledger, spec(n).name))
  return {
    ledger,
    wallets: ofAll(size.wallets, (n) => walletAccount(userOf(n))),
    merchants: ofAll(size.merchants, (n) => merchantPendingAccount(merchantOf(n))),
    revenue: accountId(ledger, feeRevenueAccount().name),
  }
}

/** Opens every account and funds every wallet, through the ledger itself, and tells its user. */
export async function openBook(owner: Sql, hub: Sql, size: { wallets: number; merchants: number }): Promise<Book> {
  const { id } = await ensureLedger(owner, CURRENCY, 2)
  const book = bookOf(id, size)
  const accounts = makeAccountBook(hub)
  const [cash = ''] = await accounts.ensure(id, [cashAccount('bench', 'trust'), feeRevenueAccount()])
  await accounts.ensure(
    id,
    book.merchants.map((_, n) => merchantPendingAccount(merchantOf(n))),
  )
  const ledger = makeLedger({ sql: hub, log })
  for (let first = 0; first < size.wallets; first += CHUNK) {
    const some = book.wallets.slice(first, first + CHUNK)
    await accounts.ensure(
      id,
      some.map((_, i) => walletAccount(userOf(first + i))),
    )
    await Promise.all(some.map((wallet, i) => fund(ledger, id, cash, wallet, userOf(first + i))))
  }
  return book
}

/** What a process that has run for a while knows: the ids of every wallet. */
export async function knownAccounts(hub: Sql, book: Book): Promise<AccountBook> {
  const accounts = makeAccountBook(hub)
  for (let first = 0; first < book.wallets.length; first += CHUNK) {
    const some = book.wallets.slice(first, first + CHUNK)
    await accounts.ensure(
      book.ledger,
      some.map((_, i) => walletAccount(userOf(first + i))),
    )
  }
  return accounts
}

async function fund(ledger: Ledger, book: number, cash: string, wallet: string, user: string): Promise<void> {
  const amount = FUNDS_MINOR
  const balance = { ledger: book, account: wallet, currency: CURRENCY }
  const result = await ledger.apply({
    id: ids.uuid(),
    transfers: [{ id: ids.uuid(), ledger: book, kind: 'post', debit: cash, credit: wallet, amount, subject: 'bench' }],
    ok: { events: [{ id: ids.make('evt'), feed: user, name: 'balance.updated', balance }] },
  })
  if (result.code !== 'ok') throw new Error(`a wallet was not funded: ${JSON.stringify(result)}`)
}

export function below(limit: number): number {
  return Math.floor(Math.random() * limit)
}

export function oneOf(all: readonly string[]): string {
  return all[below(all.length)] ?? ''
}
