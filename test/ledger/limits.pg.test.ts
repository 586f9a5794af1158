import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AccountBook, ensureLedger, laneOf, makeAccountBook, makeLimitBook } from '../../src/ledger/index.ts'
import { type Books, ids, openBooks } from './support/books.ts'

let books: Books
let ledgerId: number
beforeAll(async () => {
  books = await openBooks()
  ledgerId = (await ensureLedger(books.owner, 'KES', 2, 'limits')).id
})
afterAll(() => books.close())

const bookOf = (accounts: AccountBook = books.accounts) =>
  makeLimitBook({ ledger: books.ledger, accounts, ids, ledgerId })
const ofLane = (lane: number): string => {
  for (;;) {
    const owner = ids.make('usr')
    if (laneOf(owner) === lane) return owner
  }
}
const limitOf = (owner: string, amountMinor = 100n) => ({ owner, period: 'day:2026-11-23', amountMinor })

test('uses in several lanes and of several processes are counted on rows of their own, and do not wait for each other', async () => {
  const uses = await Promise.all(
    [0, 1].flatMap((process) =>
      [0, 1].map((lane) => bookOf(makeAccountBook(books.hub, process)).use(limitOf(ofLane(lane)), 60n, 'test')),
    ),
  )
  const rows = uses.map((use) => ('credit' in use ? use.credit : ''))
  expect(new Set(rows).size).toBe(4)
  const mains = await books.owner`select distinct main from accounts where id in ${books.owner(rows)}`
  expect(mains).toHaveLength(1)
  const [first, ...others] = uses
  await books.owner.begin(async (tx) => {
    await tx`select from accounts where id = ${rows[0] ?? ''} for no key update`
    for (const use of others) expect(await books.apply([use])).toEqual({ code: 'ok' })
  })
  expect(first === undefined ? [] : await books.apply([first])).toEqual({ code: 'ok' })
  const [sum] = await books.owner<{ used: bigint }[]>`
    select sum(credits_pending)::bigint as used from accounts where ledger = ${ledgerId} and name = 'limits'`
  expect(sum).toEqual({ used: 240n })
})

test('a bucket is opened once, with one amount, whichever processes and lanes come to it first', async () => {
  const limit = limitOf(ids.make('usr'))
  const uses = await Promise.all(
    Array.from({ length: 8 }, (_, process) =>
      bookOf(makeAccountBook(books.hub, process)).use(limit, 100n, 'test', `lane${String(process)}`),
    ),
  )
  const later = await bookOf(makeAccountBook(books.hub, 9)).use({ ...limit, amountMinor: 900n }, 1n, 'test')
  const [bucket] = await books.owner<{ opened: bigint; times: number }[]>`
    select sum(amount)::bigint as opened, count(*)::int as times from transfers
    where credit_account = ${'debit' in later ? later.debit : ''} and kind = 'post'`
  expect(bucket).toEqual({ opened: 100n, times: 1 })
  const results = await Promise.all(uses.map((use) => books.apply([use])))
  expect(results.filter(({ code }) => code === 'ok')).toHaveLength(1)
  expect(await books.apply([later])).toMatchObject({ transfer: 'exceeds_credits' })
})
