import type { AccountSpec } from '../domain/accounting/index.ts'
import type { Ids } from '../domain/ids.ts'
import { type AccountBook, accountId } from './accounts.ts'
import type { Query } from './database.ts'
import type { TransferInput } from './unit.ts'

/**
 * A limit is an account in a ledger of its own, which its allowance bounds and each use credits. It is reserved,
 * confirmed and released by legs in the same unit as the money, so parallel payments cannot slip past it, and a release
 * goes back to the bucket that the hold came from, whatever day it is by then. A use too many is refused
 * `exceeds_debits`, which no account of a payment's money is: a wallet that lacks funds answers `exceeds_credits`.
 */
export type Limit = {
  /** Whose, e.g. a user. */
  owner: string
  /** The bucket, e.g. `day:2026-11-23`: a new period is a new account. */
  period: string
  amountMinor: bigint
}

/** Codes of limit ledgers, outside the chart of accounts: nothing here is money. */
const CODE = { bucket: 9010, source: 9020 } as const

/** It keeps the amount it was opened with, also where the limit has been changed since, and whoever opened it. */
function bucketAccount(limit: Limit): AccountSpec {
  return {
    code: CODE.bucket,
    name: `limit:${limit.owner}:${limit.period}`,
    owner: limit.owner,
    debitsMustNotExceedCredits: false,
    creditsMustNotExceedDebits: true,
    allowanceMinor: limit.amountMinor,
  }
}

/** Where every use is counted: a row for each lane of each process, so that one payment does not wait for all others. */
const SOURCE: AccountSpec = {
  code: CODE.source,
  name: 'limits',
  owner: null,
  debitsMustNotExceedCredits: false,
  sharded: 'either_side',
}

/** How a use stands: `reserve` until its payment ends, or `post` for good. */
export type LimitUse = { amountMinor: bigint; subject: string; kind?: 'reserve' | 'post'; laneKey?: string }

export type LimitStanding = { usedMinor: bigint; maxMinor: bigint }

export type LimitBook = {
  /**
   * The legs that take a sum of each limit. Refused `exceeds_debits` where too little of one is left. `laneKey`: as of
   * the unit that will hold it (src/ledger/lanes.ts); by default the first limit's owner, who pays.
   */
  use(limits: readonly Limit[], use: LimitUse): Promise<TransferInput[]>
  /** What is used or held of each, and its most, in the order given. */
  standing(sql: Query, limits: readonly Limit[]): Promise<LimitStanding[]>
}

/** `ledgerId`: the ledger of limits in the currency of the payments. */
export function makeLimitBook(deps: { accounts: AccountBook; ids: Ids; ledgerId: number }): LimitBook {
  const { ledgerId } = deps
  return {
    async use(limits, { amountMinor, subject, kind = 'reserve', laneKey = limits[0]?.owner ?? '' }) {
      const legs = limits.map((limit) => ({ debit: SOURCE, credit: bucketAccount(limit) }))
      const pairs = await deps.accounts.ensureLegs(ledgerId, legs, laneKey)
      return pairs.map(({ debit, credit }) => ({
        id: deps.ids.uuid(),
        ledger: ledgerId,
        kind,
        debit,
        credit,
        amount: amountMinor.toString(),
        subject,
      }))
    },
    async standing(sql, limits) {
      const buckets = limits.map((limit) => accountId(ledgerId, bucketAccount(limit).name))
      const rows = await sql<{ id: string; used: bigint; most: bigint }[]>`
        select id, credits_posted + credits_pending - debits_posted as used, allowance as most
        from accounts where id in ${sql(buckets)}`
      const known = new Map(rows.map((row) => [row.id, row]))
      return limits.map((limit, i) => {
        const row = known.get(buckets[i] ?? '')
        return { usedMinor: row?.used ?? 0n, maxMinor: row?.most ?? limit.amountMinor }
      })
    },
  }
}
