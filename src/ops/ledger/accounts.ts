import { normalSide } from '../../domain/accounting/index.ts'
import { type Counters, type Query, classOf } from '../../ledger/index.ts'
import { OpsRefusal } from '../refusal.ts'
import { booksOf, whatIs } from './books.ts'

export type Account = {
  id: string
  name: string
  code: number
  currency: string
  exponent: number
  /** The side on which it grows; its balance is what that side has more than the other, posted. */
  side: 'debit' | 'credit'
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * An account by its name in the chart or by its id; one of several rows by its main row's, which stands for all. A
 * single row of those is found by its id, or as the audit names it, `clearing:demo-bank#2`.
 *
 * @throws OpsRefusal
 */
export async function findAccount(sql: Query, asked: string, currency: string | undefined): Promise<Account> {
  if (currency !== undefined) await booksOf(sql, currency)
  const [, name = asked, shard = '0'] = /^(.+)#([0-9]{1,4})$/.exec(asked) ?? []
  const byId = UUID.test(asked)
  const found = await sql<Omit<Account, 'side'>[]>`
    select a.id, a.name || case a.shard when 0 then '' else '#' || a.shard end as name, a.code::int as code,
      l.currency, l.exponent::int as exponent
    from accounts a join ledgers l on l.id = a.ledger
    where ${byId ? sql`a.id = ${asked}` : sql`a.name = ${name} and a.shard = ${shard} and l.tenant = 'default'`}
    order by l.currency`
  const fitting = found.filter((each) => currency === undefined || each.currency === currency)
  const [account, second] = fitting
  const inThese = found.map((each) => each.currency).join(' and ')
  if (second !== undefined) {
    const message = `"${asked}" is an account in ${inThese}; say which`
    throw new OpsRefusal('currency_needed', '--currency', message)
  }
  if (account === undefined) {
    const why =
      found.length > 0
        ? `"${asked}" is an account in ${inThese}, not in ${String(currency)}`
        : `there is no account "${asked}"; expected a name as ledger trial-balance prints it, or an id`
    throw new OpsRefusal('unknown_account', '<account>', why)
  }
  const accountClass = classOf(account.code)
  return { ...account, side: accountClass === null ? 'credit' : normalSide(accountClass) }
}

/** Posted, on the side where the account grows. */
export function balanceOf({ side }: Account, counters: Counters): bigint {
  const credit = counters.creditsPostedMinor - counters.debitsPostedMinor
  return side === 'credit' ? credit : -credit
}

export const accountJson = ({ id, name, code, currency, exponent, side }: Account): object => ({
  id,
  name,
  code,
  currency,
  exponent,
  side,
})

export const countersJson = (counters: Counters): object => ({
  debits_pending: counters.debitsPendingMinor,
  debits_posted: counters.debitsPostedMinor,
  credits_pending: counters.creditsPendingMinor,
  credits_posted: counters.creditsPostedMinor,
})

/** Its name, currency and what it stands for. */
export const sayAccount = ({ name, currency, code }: Account): string =>
  `${name} in ${currency} (${String(code)}, ${whatIs(code)})`
