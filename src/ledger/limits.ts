import type { AccountSpec } from '../domain/accounting/index.ts'
import type { Ids } from '../domain/ids.ts'
import type { AccountBook } from './accounts.ts'
import type { Ledger } from './aggregator.ts'
import { derivedUuid } from './derived-uuid.ts'
import type { TransferInput } from './unit.ts'

/**
 * A limit is an account in a ledger of its own: opened with what may be used in a period, debited by each use.
 * It is reserved, confirmed and released by legs in the same unit as the money, so parallel payments cannot slip
 * past it, and a release goes back to the bucket that the hold came from, whatever day it is by then.
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

function bucketAccount(limit: Limit): AccountSpec {
  return {
    code: CODE.bucket,
    name: `limit:${limit.owner}:${limit.period}`,
    owner: limit.owner,
    debitsMustNotExceedCredits: true,
  }
}

const OPENED_LIMIT = 100_000

/** Somebody opened it with another amount, or in another lane. */
const OPENED_BEFORE: ReadonlySet<string> = new Set(['exists_with_different_amount', 'exists_with_different_debit'])

/** Where every use is counted: a row for each lane of each process, so that one payment does not wait for all others. */
const SOURCE: AccountSpec = {
  code: CODE.source,
  name: 'limits',
  owner: null,
  debitsMustNotExceedCredits: false,
  sharded: 'either_side',
}

export type LimitBook = {
  /**
   * The leg that takes `amountMinor` of a limit for as long as its hold stands. Refused `exceeds_credits` where too
   * little is left. `laneKey`: as of the unit that will hold it (src/ledger/lanes.ts); the limit's owner, who pays.
   */
  use(limit: Limit, amountMinor: bigint, subject: string, laneKey?: string): Promise<TransferInput>
}

/** `ledgerId`: the ledger of limits in the currency of the payments. */
export function makeLimitBook(deps: { ledger: Ledger; accounts: AccountBook; ids: Ids; ledgerId: number }): LimitBook {
  const { ledgerId } = deps
  /** Buckets this process knows to be open. Bounded. */
  const opened = new Set<string>()

  async function pair(debit: AccountSpec, credit: AccountSpec, laneKey: string) {
    const [made] = await deps.accounts.ensureLegs(ledgerId, [{ debit, credit }], laneKey)
    if (made === undefined) throw new Error('a leg has two accounts')
    return made
  }

  /** Once for each bucket, whoever comes first: the posting's id follows from the bucket's name. */
  async function open(limit: Limit, bucket: AccountSpec): Promise<void> {
    // Its unit has no events, so its subject is its lane.
    const { debit, credit } = await pair(SOURCE, bucket, bucket.name)
    const result = await deps.ledger.apply({
      id: deps.ids.uuid(),
      transfers: [
        {
          id: derivedUuid(`${String(ledgerId)}/${bucket.name}/open`),
          ledger: ledgerId,
          kind: 'post',
          debit,
          credit,
          amount: limit.amountMinor.toString(),
          subject: bucket.name,
        },
      ],
      ok: {},
    })
    // A bucket keeps the amount it was opened with, also where the limit has been changed since, and whoever opened it.
    const there = result.code === 'refused' && OPENED_BEFORE.has(result.transfer)
    if (result.code !== 'ok' && !there) throw new Error(`a limit was not opened: ${JSON.stringify(result)}`)
    if (opened.size >= OPENED_LIMIT) opened.clear()
    opened.add(credit)
  }

  return {
    async use(limit, amountMinor, subject, laneKey = limit.owner) {
      const bucket = bucketAccount(limit)
      const { debit, credit } = await pair(bucket, SOURCE, laneKey)
      if (!opened.has(debit)) await open(limit, bucket)
      return {
        id: deps.ids.uuid(),
        ledger: ledgerId,
        kind: 'reserve',
        debit,
        credit,
        amount: amountMinor.toString(),
        subject,
      }
    },
  }
}
