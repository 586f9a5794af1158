import { type LedgerOf, type TrialBalance, trialBalance as trialBalanceOf } from '../../ledger/index.ts'
import type { Command } from '../command.ts'
import { columns, indented } from '../text.ts'
import { amountIn, booksOf, whatIs } from './books.ts'
import { asOfOneMoment, momentOf, parseMoment, sayMoment } from './moments.ts'

type Books = Omit<LedgerOf, 'id'>

export const trialBalance: Command = {
  name: 'ledger trial-balance',
  argument: null,
  options: ['currency', 'as-of'],
  what: ['where each account stands, and that debits equal credits; exits 1 if not'],
  async ask(sql, _, given) {
    const asOf = parseMoment('--as-of', given['as-of'])
    return asOfOneMoment(sql, async (tx) => {
      const books = await booksOf(tx, given.currency)
      const moment = asOf === undefined ? null : await momentOf(tx, '--as-of', asOf)
      const when = moment === null ? 'now' : `as of ${sayMoment(moment)}`
      const position = moment === null ? undefined : { position: moment.position }
      const found = []
      for (const ledger of books) found.push({ ...ledger, ...(await trialBalanceOf(tx, ledger.id, position)) })
      return {
        ok: found.every(isBalanced),
        json: { as_of: moment, trial_balances: found.map(trialBalanceJson) },
        text: found.flatMap((each) => [
          `trial balance in ${each.currency}, ${when}`,
          ...indented(
            columns(
              [
                ['code', 'account', 'debit', 'credit'],
                ...each.rows.map((row) => [String(row.code), row.name, ...sides(each, row)]),
              ],
              'llrr',
            ),
          ),
          `  ${sayBalance(each)}`,
          '',
        ]),
      }
    })
  },
}

const isBalanced = ({ debitMinor, creditMinor }: TrialBalance): boolean => debitMinor === creditMinor

/** Both sides of a row, the empty one left blank. */
function sides(books: Books, row: { debitMinor: bigint; creditMinor: bigint }): string[] {
  const amount = amountIn(books)
  return [row.debitMinor, row.creditMinor].map((side) => (side === 0n ? '' : amount(side)))
}

/** Whether debits equal credits, with both by name. */
export function sayBalance(of: Books & TrialBalance): string {
  const amount = amountIn(of)
  const [debits, credits] = [amount(of.debitMinor), amount(of.creditMinor)]
  return isBalanced(of)
    ? `balanced: debits ${debits} = credits ${credits}`
    : `NOT BALANCED: debits ${debits}, credits ${credits}, they differ by ${amount(of.debitMinor - of.creditMinor)}`
}

/** A line a code instead of a line an account, for books with many of them. */
export function byCode(of: Books & TrialBalance): string[] {
  const sums = new Map<number, { accounts: number; debitMinor: bigint; creditMinor: bigint }>()
  for (const { code, debitMinor, creditMinor } of of.rows) {
    const sum = sums.get(code) ?? { accounts: 0, debitMinor: 0n, creditMinor: 0n }
    sum.accounts += 1
    sum.debitMinor += debitMinor
    sum.creditMinor += creditMinor
    sums.set(code, sum)
  }
  return columns(
    [
      ['code', '', 'accounts', 'debit', 'credit'],
      ...[...sums].map(([code, sum]) => [String(code), whatIs(code), String(sum.accounts), ...sides(of, sum)]),
    ],
    'llrrr',
  )
}

export const trialBalanceJson = (of: Books & TrialBalance): object => ({
  currency: of.currency,
  exponent: of.exponent,
  balanced: isBalanced(of),
  debit: of.debitMinor,
  credit: of.creditMinor,
  rows: of.rows.map((row) => ({
    account: row.account,
    code: row.code,
    name: row.name,
    debit: row.debitMinor,
    credit: row.creditMinor,
  })),
})
