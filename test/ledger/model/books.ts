import type { Counters, StoredReply, TransferInput } from '../../../src/ledger/index.ts'

/** The state of the reference ledger: accounts, every transfer in the order in which it happened, and what stands beside. */

export type ModelAccount = {
  id: string
  /** The account whose row this is: its first row's id. */
  main: string
  ledger: number
  debitsMustNotExceedCredits: boolean
  creditsMustNotExceedDebits: boolean
  allowance: bigint
  frozen: boolean
  closed: boolean
  debitsPending: bigint
  debitsPosted: bigint
  creditsPending: bigint
  creditsPosted: bigint
}

export type Moved = {
  id: string
  ledger: number
  kind: TransferInput['kind']
  debit: string
  credit: string
  amount: bigint
  subject: string
  pending?: string
  expiresAtMs?: number | undefined
}

export type Books = {
  accounts: Map<string, ModelAccount>
  /** In the order of their positions. */
  transfers: Map<string, Moved>
  /** Ids of new spends that were refused. */
  failed: Set<string>
  payments: Map<string, { version: number; expiresAtMs: number | undefined }>
  /** The one of each payment, by the payment's id. */
  attempts: Map<string, { state: string; token: string }>
  keys: Map<string, { hash: string; reply: StoredReply }>
  /** Ids of what was told, in order. */
  events: string[]
}

/** What transfers and flags may change is copied; the rest is the same. */
export function copyOf(books: Books): Books {
  return {
    ...books,
    accounts: new Map([...books.accounts].map(([id, account]) => [id, { ...account }])),
    transfers: new Map(books.transfers),
    failed: new Set(books.failed),
  }
}

/** How a hold ended, if it has. */
export function endOf(books: Books, hold: string): 'confirm' | 'void' | 'expire' | undefined {
  for (const { kind, pending } of books.transfers.values()) {
    if (pending === hold && kind !== 'post' && kind !== 'reserve') return kind
  }
  return undefined
}

export function openHolds(books: Books): Moved[] {
  return [...books.transfers.values()].filter(({ kind, id }) => kind === 'reserve' && endOf(books, id) === undefined)
}

export type Line = { transfer: string; after: Counters }

const NOTHING: Counters = {
  debitsPendingMinor: 0n,
  debitsPostedMinor: 0n,
  creditsPendingMinor: 0n,
  creditsPostedMinor: 0n,
}

/** What is read as one by this id: an account's first row stands for all of its rows, another row for itself. */
export function rowsOf(books: Books, id: string): ModelAccount[] {
  return [...books.accounts.values()].filter((account) => account.id === id || account.main === id)
}

/**
 * An account's lines in order, each with what its counters came to: worked out from the transfers alone. What moves
 * between its own rows is counted and is no line.
 */
export function statementOf(books: Books, account: string): Line[] {
  const own = new Set(rowsOf(books, account).map(({ id }) => id))
  let after = NOTHING
  return [...books.transfers.values()].flatMap((moved) => {
    const [debits, credits] = [own.has(moved.debit), own.has(moved.credit)]
    const held = books.transfers.get(moved.pending ?? '')?.amount ?? 0n
    const pending = moved.kind === 'reserve' ? moved.amount : -held
    const posted = moved.kind === 'post' || moved.kind === 'confirm' ? moved.amount : 0n
    after = {
      debitsPendingMinor: after.debitsPendingMinor + (debits ? pending : 0n),
      debitsPostedMinor: after.debitsPostedMinor + (debits ? posted : 0n),
      creditsPendingMinor: after.creditsPendingMinor + (credits ? pending : 0n),
      creditsPostedMinor: after.creditsPostedMinor + (credits ? posted : 0n),
    }
    return debits === credits ? [] : [{ transfer: moved.id, after }]
  })
}

export function countersOf(books: Books, account: string): Counters {
  const sum = (of: (row: ModelAccount) => bigint) => rowsOf(books, account).reduce((all, row) => all + of(row), 0n)
  return {
    debitsPendingMinor: sum((row) => row.debitsPending),
    debitsPostedMinor: sum((row) => row.debitsPosted),
    creditsPendingMinor: sum((row) => row.creditsPending),
    creditsPostedMinor: sum((row) => row.creditsPosted),
  }
}

/** The unit raises, and nothing of it stays: it is not one that anybody should have made. */
export class Raised extends Error {}

const MAX = 2n ** 63n - 1n

/** What Postgres would say of a sum. @throws Raised */
export function fitting(sum: bigint): bigint {
  if (sum > MAX || sum < -MAX - 1n) throw new Raised('bigint out of range')
  return sum
}

export function bigintOf(text: string): bigint {
  return fitting(BigInt(text))
}
