import type { AccountSpec } from '../domain/accounting/index.ts'
import type { Ids } from '../domain/ids.ts'
import { accountId, type AccountBook } from './accounts.ts'
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

const SOURCE: AccountSpec = { code: CODE.source, name: 'limits', owner: null, debitsMustNotExceedCredits: false }

export type LimitBook = {
  /** The leg that takes `amountMinor` of a limit for as long as its hold stands. Refused `exceeds_credits` where too little is left. */
  use(limit: Limit, amountMinor: bigint, subject: string): Promise<TransferInput>
}

/** `ledgerId`: the ledger of limits in the currency of the payments. */
export function makeLimitBook(deps: { ledger: Ledger; accounts: AccountBook; ids: Ids; ledgerId: number }): LimitBook {
  const { ledgerId } = deps
  const source = accountId(ledgerId, SOURCE.name)
  /** Buckets this process knows to be open. Bounded. */
  const opened = new Set<string>()

  /** Once for each bucket, whoever comes first: the posting's id follows from the bucket's name. */
  async function open(limit: Limit, name: string, bucket: string): Promise<void> {
    const result = await deps.ledger.apply({
      id: deps.ids.uuid(),
      transfers: [
        {
          id: derivedUuid(`${String(ledgerId)}/${name}/open`),
          ledger: ledgerId,
          kind: 'post',
          debit: source,
          credit: bucket,
          amount: limit.amountMinor.toString(),
          subject: name,
        },
      ],
      ok: {},
    })
    // A bucket keeps the amount it was opened with, also where the limit has been changed since.
    const there = result.code === 'refused' && result.transfer === 'exists_with_different_amount'
    if (result.code !== 'ok' && !there) throw new Error(`a limit was not opened: ${JSON.stringify(result)}`)
    if (opened.size >= OPENED_LIMIT) opened.clear()
    opened.add(bucket)
  }

  return {
    async use(limit, amountMinor, subject) {
      const bucket = bucketAccount(limit)
      const [, debit = ''] = await deps.accounts.ensure(ledgerId, [SOURCE, bucket])
      if (!opened.has(debit)) await open(limit, bucket.name, debit)
      return {
        id: deps.ids.uuid(),
        ledger: ledgerId,
        kind: 'reserve',
        debit,
        credit: source,
        amount: amountMinor.toString(),
        subject,
      }
    },
  }
}
