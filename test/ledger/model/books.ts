import type { Counters, TransferInput } from '../../../src/ledger/index.ts'

/** The state of the reference ledger: accounts, and every transfer in the order in which it happened. */

export type ModelAccount = {
  id: string
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
}

export function copyOf(books: Books): Books {
  return {
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

/** An account's lines in order, each with what its counters came to: worked out from the transfers alone. */
export function statementOf(books: Books, account: string): Line[] {
  let after = NOTHING
  return [...books.transfers.values()].flatMap((moved) => {
    if (moved.debit !== account && moved.credit !== account) return []
    const held = books.transfers.get(moved.pending ?? '')?.amount ?? 0n
    const pending = moved.kind === 'reserve' ? moved.amount : -held
    const posted = moved.kind === 'post' || moved.kind === 'confirm' ? moved.amount : 0n
    after =
      moved.debit === account
        ? {
            ...after,
            debitsPendingMinor: after.debitsPendingMinor + pending,
            debitsPostedMinor: after.debitsPostedMinor + posted,
          }
        : {
            ...after,
            creditsPendingMinor: after.creditsPendingMinor + pending,
            creditsPostedMinor: after.creditsPostedMinor + posted,
          }
    return [{ transfer: moved.id, after }]
  })
}

export function countersOf(account: ModelAccount): Counters {
  return {
    debitsPendingMinor: account.debitsPending,
    debitsPostedMinor: account.debitsPosted,
    creditsPendingMinor: account.creditsPending,
    creditsPostedMinor: account.creditsPosted,
  }
}

const MAX = 2n ** 63n - 1n

/** What Postgres would say of a sum. @throws RangeError */
export function fitting(sum: bigint): bigint {
  if (sum > MAX || sum < -MAX - 1n) throw new RangeError('bigint out of range')
  return sum
}

export function bigintOf(text: string): bigint {
  return fitting(BigInt(text))
}
