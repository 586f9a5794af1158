import type { TransferInput } from '../../../src/ledger/index.ts'

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

export type Line = { id: string; posted: bigint; out: bigint; in: bigint }

/** An account's lines in order, each with what the account came to: worked out from the transfers alone. */
export function statementOf(books: Books, account: string): Line[] {
  const sum = { posted: 0n, out: 0n, in: 0n }
  return [...books.transfers.values()].flatMap((moved) => {
    if (moved.debit !== account && moved.credit !== account) return []
    const sign = moved.credit === account ? 1n : -1n
    const side = sign === 1n ? 'in' : 'out'
    const hold = books.transfers.get(moved.pending ?? '')
    if (moved.kind === 'post' || moved.kind === 'confirm') sum.posted += sign * moved.amount
    if (moved.kind === 'reserve') sum[side] += moved.amount
    if (hold !== undefined) sum[side] -= hold.amount
    return [{ id: moved.id, ...sum }]
  })
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
