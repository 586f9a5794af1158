import { jsonReply, type JsonReply } from '../common/answer.ts'
import type { Book } from './book.ts'
import { entryView, linesOf } from './statement.ts'
import { writeAmount } from './wire/amount.ts'
import { errorReply, invalid, type WireError } from './wire/error.ts'

/** Lists and balances of the client's own account; nobody else's is shown. */

const NOT_FOUND: WireError = { category: 'identification', code: 'identifierError' }
const PAGE_DEFAULT = 50
const PAGE_MAX = 200

export type AccountView = 'balance' | 'status' | 'transactions' | 'statemententries'

export function answerAccount(
  book: Book,
  own: string,
  asked: { account: string; view: AccountView; query: URLSearchParams },
): JsonReply {
  const { state, clock } = book
  const nowMs = clock.nowMs()
  if (asked.account !== own) return errorReply(NOT_FOUND, nowMs)
  if (asked.view === 'status') return jsonReply(200, { accountStatus: 'available' })
  if (asked.view === 'balance') return jsonReply(200, balanceOf(book, own, asked.query.get('currency')))

  const window = windowOf(asked.query)
  if ('category' in window) return errorReply(window, nowMs)
  const { fromMs, toMs, limit, offset } = window
  const status = asked.query.get('transactionStatus')
  const type = asked.query.get('transactionType')
  const found = linesOf(state, own, nowMs)
    .filter(({ atMs, entry }) => atMs >= fromMs && atMs <= toMs && (entry || asked.view === 'transactions'))
    .map(({ view }) => view)
    .filter((view) => status === null || view['transactionStatus'] === status)
    .filter((view) => type === null || view['type'] === type)
  if (offset > found.length) return errorReply(invalid('invalidOffset', 'offset', String(offset)), nowMs)
  const page = found.slice(offset, offset + limit)
  const told = asked.view === 'transactions' ? page : page.map(entryView)
  return jsonReply(200, told, {
    'x-records-available-count': String(found.length),
    'x-records-returned-count': String(page.length),
  })
}

function balanceOf({ state }: Book, account: string, asked: string | null): object {
  const first = [...state.wallets.values()].find(
    ({ opening }) => opening.account === account && (asked === null || opening.currency === asked),
  )
  if (first === undefined) return { accountStatus: 'available' }
  const { currency } = first.opening
  const text = (minor: bigint): string => writeAmount(minor < 0n ? 0n : minor, currency)
  return {
    accountStatus: 'available',
    currentBalance: text(first.balanceMinor),
    availableBalance: text(first.balanceMinor - first.heldMinor),
    reservedBalance: text(first.heldMinor),
    currency,
  }
}

type Window = { fromMs: number; toMs: number; limit: number; offset: number }

function windowOf(query: URLSearchParams): Window | WireError {
  const count = (name: string, byDefault: number): number => {
    const text = query.get(name)
    return text === null ? byDefault : /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN
  }
  const time = (name: string, byDefault: number): number => {
    const text = query.get(name)
    return text === null ? byDefault : Date.parse(text)
  }
  const window = {
    fromMs: time('fromDateTime', 0),
    toMs: time('toDateTime', Infinity),
    limit: Math.min(count('limit', PAGE_DEFAULT), PAGE_MAX),
    offset: count('offset', 0),
  }
  const wrong = Object.entries(window).find(([, value]) => Number.isNaN(value))
  return wrong === undefined ? window : invalid('formatError', wrong[0], '')
}
