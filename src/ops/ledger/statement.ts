import { HISTORY_LIMITS, type StatementLine, statement as pageOf } from '../../ledger/index.ts'
import type { Command } from '../command.ts'
import { OpsRefusal } from '../refusal.ts'
import { columns, indented } from '../text.ts'
import { type Account, accountJson, balanceOf, countersJson, findAccount, sayAccount } from './accounts.ts'
import { amountIn } from './books.ts'
import { asOfOneMoment, momentOf, parseMoment, parsePosition, sayMoment } from './moments.ts'

const MOST = HISTORY_LIMITS.statement_lines
const USUAL = 100

export const statement: Command = {
  name: 'ledger statement',
  argument: '<account>',
  options: ['as-of', 'limit', 'after', 'currency'],
  what: [
    'what moved on an account in order, with its running balance; a page has',
    `${String(USUAL)} lines, or up to ${String(MOST)}, and tells where the next begins`,
  ],
  async ask(sql, argument, given) {
    const asOf = parseMoment('--as-of', given['as-of'])
    const after = parsePosition('--after', given.after) ?? 0n
    const limit = parseLimit(given.limit)
    return asOfOneMoment(sql, async (tx) => {
      const account = await findAccount(tx, argument, given.currency)
      const moment = await momentOf(tx, '--as-of', asOf)
      const page = await pageOf(tx, account.id, { after, limit, asOf: { position: moment.position } })
      const opening = balanceOf(account, page.opening)
      const closing = balanceOf(account, page.lines.at(-1)?.after ?? page.opening)
      const amount = amountIn(account)
      return {
        ok: true,
        json: {
          account: accountJson(account),
          as_of: moment,
          after,
          opening: { ...countersJson(page.opening), balance: opening },
          lines: page.lines.map((line) => lineJson(account, line)),
          next: page.next,
        },
        text: [
          `statement of ${sayAccount(account)}`,
          `after position ${String(after)}, as of ${sayMoment(moment)}`,
          '',
          ...indented(
            columns(
              [
                ['position', 'at', 'kind', 'side', 'posted', 'held', 'balance', 'counterpart', 'subject'],
                ['', '', 'opening', '', '', '', amount(opening)],
                ...page.lines.map((line) => lineRow(account, line)),
                ['', '', page.next === null ? 'closing' : 'so far', '', '', '', amount(closing)],
              ],
              'rlllrrrll',
            ),
          ),
          '',
          page.next === null
            ? 'Held: what a hold set aside (+), or what its end released or posted of it (-). That was all.'
            : `There is more: add --after ${String(page.next)} --as-of ${String(moment.position)}`,
        ],
      }
    })
  },
}

/** @throws OpsRefusal */
function parseLimit(text: string | undefined): number {
  if (text === undefined) return USUAL
  const limit = /^[0-9]{1,9}$/.test(text) ? Number(text) : 0
  if (limit >= 1 && limit <= MOST) return limit
  throw new OpsRefusal('bad_limit', '--limit', `"${text}" is out of range; expected 1 to ${String(MOST)} lines`)
}

function lineJson(account: Account, line: StatementLine): object {
  return {
    position: line.position,
    transfer: line.transfer,
    kind: line.kind,
    at: line.at,
    subject: line.subject,
    side: line.side,
    counterpart: line.counterpart,
    posted: line.postedMinor,
    pending: line.pendingMinor,
    after: { ...countersJson(line.after), balance: balanceOf(account, line.after) },
  }
}

function lineRow(account: Account, line: StatementLine): string[] {
  const amount = amountIn(account)
  const held = line.pendingMinor > 0n ? `+${amount(line.pendingMinor)}` : amount(line.pendingMinor)
  return [
    String(line.position),
    line.at.toISOString(),
    line.kind,
    line.side,
    line.postedMinor === 0n ? '' : amount(line.postedMinor),
    line.pendingMinor === 0n ? '' : held,
    amount(balanceOf(account, line.after)),
    line.counterpart,
    line.subject,
  ]
}
