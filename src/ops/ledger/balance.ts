import { type Counters, type Query, countersAt } from '../../ledger/index.ts'
import type { Answer, Command } from '../command.ts'
import { columns, indented } from '../text.ts'
import { type Account, accountJson, balanceOf, countersJson, findAccount, sayAccount } from './accounts.ts'
import { amountIn } from './books.ts'
import { type Moment, asOfOneMoment, momentOf, parseMoment, sayMoment } from './moments.ts'

/** What holds for an account now and is not part of history. */
type Standing = {
  /** Debits are bounded by credits and a credit line (`allowance`). */
  bounded: boolean
  allowanceMinor: bigint
  frozen: boolean
  closed: boolean
}

export const balance: Command = {
  name: 'ledger balance',
  argument: '<account>',
  options: ['as-of', 'currency'],
  what: [
    'the four counters of an account: what is posted, held and available now,',
    'or what was posted and held then',
  ],
  async ask(sql, argument, given) {
    const asOf = parseMoment('--as-of', given['as-of'])
    return asOfOneMoment(sql, async (tx) => {
      const account = await findAccount(tx, argument, given.currency)
      if (asOf === undefined) return now(account, await countersNow(tx, account))
      const moment = await momentOf(tx, '--as-of', asOf)
      return then(account, moment, await countersAt(tx, account.id, moment.position))
    })
  },
}

async function countersNow(sql: Query, { id }: Account): Promise<Counters & Standing> {
  const [row] = await sql<(Counters & Standing)[]>`
    select sum(debits_pending)::bigint as "debitsPendingMinor", sum(debits_posted)::bigint as "debitsPostedMinor",
      sum(credits_pending)::bigint as "creditsPendingMinor", sum(credits_posted)::bigint as "creditsPostedMinor",
      bool_or(debits_must_not_exceed_credits) as bounded, sum(allowance)::bigint as "allowanceMinor",
      bool_or(frozen and id = ${id}) as frozen, bool_or(closed and id = ${id}) as closed
    from accounts where id = ${id} or (main = ${id} and shard > 0)`
  if (row === undefined) throw new Error('a sum has one row')
  return row
}

function now(account: Account, row: Counters & Standing): Answer {
  const amount = amountIn(account)
  const posted = row.creditsPostedMinor - row.debitsPostedMinor
  const available = row.bounded ? posted + row.allowanceMinor - row.debitsPendingMinor : null
  const line = row.allowanceMinor === 0n ? '' : `, with a credit line of ${amount(row.allowanceMinor)}`
  const stops = [
    ...(row.frozen ? ['It is frozen: nothing new moves, holds that are open may end.'] : []),
    ...(row.closed ? ['It is closed: nothing moves.'] : []),
  ]
  return {
    ok: true,
    json: {
      account: accountJson(account),
      as_of: null,
      ...countersJson(row),
      balance: balanceOf(account, row),
      available,
      allowance: row.allowanceMinor,
      frozen: row.frozen,
      closed: row.closed,
    },
    text: [
      `${sayAccount(account)}, now`,
      ...table(account, row, [
        ['available', available === null ? 'unbounded' : amount(available), '', `what can be debited now${line}`],
      ]),
      ...stops,
    ],
  }
}

function then(account: Account, moment: Moment, counters: Counters): Answer {
  return {
    ok: true,
    json: {
      account: accountJson(account),
      as_of: moment,
      ...countersJson(counters),
      balance: balanceOf(account, counters),
    },
    text: [`${sayAccount(account)}, as of ${sayMoment(moment)}`, ...table(account, counters, [])],
  }
}

function table(account: Account, counters: Counters, more: string[][]): string[] {
  const amount = amountIn(account)
  const other = account.side === 'credit' ? 'debits' : 'credits'
  return [
    ...indented(
      columns(
        [
          ['', 'posted', 'held'],
          ['debits', amount(counters.debitsPostedMinor), amount(counters.debitsPendingMinor)],
          ['credits', amount(counters.creditsPostedMinor), amount(counters.creditsPendingMinor)],
          ['balance', amount(balanceOf(account, counters)), '', `posted ${account.side}s less posted ${other}`],
          ...more,
        ],
        'lrrl',
      ),
    ),
    'Posted has moved for good. Held is set aside by open holds, which will be posted or released.',
  ]
}
