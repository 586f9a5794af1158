import { incomeStatement as incomeStatementOf } from '../../ledger/index.ts'
import type { Command } from '../command.ts'
import { OpsRefusal } from '../refusal.ts'
import { columns, indented } from '../text.ts'
import { amountIn, booksOf, sectionJson, sectionRows } from './books.ts'
import { type Moment, asOfOneMoment, momentOf, parseMoment, sayMoment } from './moments.ts'

const OPENING: Moment = { position: 0n, at: null }

export const incomeStatement: Command = {
  name: 'ledger income-statement',
  argument: null,
  options: ['currency', 'from', 'to'],
  what: ['what was earned and spent after one moment, up to another;', 'by default all of history'],
  async ask(sql, _, given) {
    const [asked, until] = [parseMoment('--from', given.from), parseMoment('--to', given.to)]
    return asOfOneMoment(sql, async (tx) => {
      const books = await booksOf(tx, given.currency)
      const from = asked === undefined ? OPENING : await momentOf(tx, '--from', asked)
      const to = await momentOf(tx, '--to', until)
      if (from.position > to.position) {
        const message = `it is ${sayMoment(from)}, after the end of the period, ${sayMoment(to)}`
        throw new OpsRefusal('bad_time', '--from', message)
      }
      const period = { from: { position: from.position }, to: { position: to.position } }
      const found = []
      for (const ledger of books) found.push({ ledger, of: await incomeStatementOf(tx, ledger.id, period) })
      return {
        ok: true,
        json: {
          from,
          to,
          income_statements: found.map(({ ledger, of }) => ({
            currency: ledger.currency,
            exponent: ledger.exponent,
            income: sectionJson(of.income),
            expenses: sectionJson(of.expenses),
            total_income: of.incomeMinor,
            total_expenses: of.expensesMinor,
            result: of.resultMinor,
          })),
        },
        text: found.flatMap(({ ledger, of }) => {
          const amount = amountIn(ledger)
          const rows = [
            ...sectionRows('income', of.income, of.incomeMinor, amount),
            ...sectionRows('expenses', of.expenses, of.expensesMinor, amount),
            ['result: income less expenses', amount(of.resultMinor)],
          ]
          return [
            `income statement in ${ledger.currency}, after ${sayMoment(from)}, up to ${sayMoment(to)}`,
            ...indented(columns(rows, 'lr')),
            '',
          ]
        }),
      }
    })
  },
}
