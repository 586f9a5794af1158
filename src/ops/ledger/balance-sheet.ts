import { balanceSheet as balanceSheetOf } from '../../ledger/index.ts'
import type { Command } from '../command.ts'
import { columns, indented } from '../text.ts'
import { amountIn, booksOf, sectionJson, sectionRows } from './books.ts'
import { asOfOneMoment, momentOf, parseMoment, sayMoment } from './moments.ts'

export const balanceSheet: Command = {
  name: 'ledger balance-sheet',
  argument: null,
  options: ['currency', 'as-of'],
  what: ['what we have, and who may claim it; exits 1 where the two differ'],
  async ask(sql, _, given) {
    const asOf = parseMoment('--as-of', given['as-of'])
    return asOfOneMoment(sql, async (tx) => {
      const books = await booksOf(tx, given.currency)
      const moment = asOf === undefined ? null : await momentOf(tx, '--as-of', asOf)
      const when = moment === null ? 'now' : `as of ${sayMoment(moment)}`
      const position = moment === null ? undefined : { position: moment.position }
      const found = []
      for (const ledger of books) found.push({ ledger, sheet: await balanceSheetOf(tx, ledger.id, position) })
      return {
        ok: found.every(({ sheet }) => sheet.assetsMinor === sheet.claimsMinor),
        json: {
          as_of: moment,
          balance_sheets: found.map(({ ledger, sheet }) => ({
            currency: ledger.currency,
            exponent: ledger.exponent,
            balanced: sheet.assetsMinor === sheet.claimsMinor,
            assets: sectionJson(sheet.assets),
            liabilities: sectionJson(sheet.liabilities),
            equity: sectionJson(sheet.equity),
            result: sheet.resultMinor,
            total_assets: sheet.assetsMinor,
            total_claims: sheet.claimsMinor,
          })),
        },
        text: found.flatMap(({ ledger, sheet }) => {
          const amount = amountIn(ledger)
          const sum = (lines: typeof sheet.assets) => lines.reduce((total, line) => total + line.amountMinor, 0n)
          const rows = [
            ...sectionRows('assets', sheet.assets, sheet.assetsMinor, amount),
            ...sectionRows('liabilities', sheet.liabilities, sum(sheet.liabilities), amount),
            ...sectionRows('equity', sheet.equity, sum(sheet.equity), amount),
            ['result: income less expenses so far', amount(sheet.resultMinor)],
            ['liabilities, equity and result', amount(sheet.claimsMinor)],
          ]
          const [assets, claims] = [amount(sheet.assetsMinor), amount(sheet.claimsMinor)]
          return [
            `balance sheet in ${ledger.currency}, ${when}`,
            ...indented(columns(rows, 'lr')),
            assets === claims
              ? `  balanced: assets ${assets} = claims ${claims}`
              : `  NOT BALANCED: assets ${assets}, claims ${claims}`,
            '',
          ]
        }),
      }
    })
  },
}
