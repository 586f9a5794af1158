import { readTransactions, type JsonReply, type Transaction } from './answer.ts'

/** Our account's transactions since a moment, every page of them. */

const PAGE = 50
const PAGES_MAX = 40

export type AskJson = (path: string) => Promise<JsonReply | null>

export type ListOptions = { accountId: string; sinceMs: number; type?: 'reversal' | 'adjustment' }

/** Null where the list could not be had whole: a page failed, or it changed while it was read. */
export async function accountTransactions(ask: AskJson, options: ListOptions): Promise<Transaction[] | null> {
  const { accountId, sinceMs, type } = options
  const found: Transaction[] = []
  let available: number | null = null
  for (let page = 0; page < PAGES_MAX; page++) {
    const query = new URLSearchParams({
      limit: String(PAGE),
      offset: String(found.length),
      fromDateTime: new Date(sinceMs).toISOString(),
      ...(type === undefined ? {} : { transactionType: type }),
    })
    const reply = await ask(`/accounts/accountid/${encodeURIComponent(accountId)}/transactions?${query.toString()}`)
    const items = reply?.status === 200 ? readTransactions(reply.json) : null
    if (reply === null || items === null) return null
    const count = countOf(reply, 'x-records-available-count')
    if (count === null || (available !== null && available !== count)) return null
    if (countOf(reply, 'x-records-returned-count') !== items.length) return null
    available = count
    found.push(...items)
    if (found.length >= count) return found.length === count ? found : null
    if (items.length === 0) return null
  }
  return null
}

function countOf({ headers }: JsonReply, name: string): number | null {
  const text = headers[name]
  return typeof text === 'string' && /^[0-9]{1,9}$/.test(text) ? Number(text) : null
}
