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

const bookOf = (accounts: AccountBook = books.accounts) => makeLimitBook({ accounts, ids, ledgerId })
const ofLane = (lane: number): string => {
  for (;;) {
    const owner = ids.make('usr')
    if (laneOf(owner) === lane) return owner
  }
}
const limitOf = (owner: string, amountMinor = 100n) => ({ owner, period: 'day:2026-11-23', amountMinor })
const of = (amountMinor: bigint, laneKey?: string) => ({
  amountMinor,
  subject: 'test',
  ...(laneKey === undefined ? {} : { laneKey }),
})

test('uses in several lanes and of several processes are counted on rows of their own, and do not wait for each other', async () => {
  const uses = (
    await Promise.all(
      [0, 1].flatMap((process) =>
        [0, 1].map((lane) => bookOf(makeAccountBook(books.hub, process)).use([limitOf(ofLane(lane))], of(60n))),
      ),
    )
  ).flat()
  const rows = uses.map((use) => ('debit' in use ? use.debit : ''))
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
    select sum(debits_pending)::bigint as used from accounts where ledger = ${ledgerId} and name = 'limits'`
  expect(sum).toEqual({ used: 240n })
})

test('a bucket keeps the amount it was opened with, whichever processes and lanes come to it first', async () => {
  const limit = limitOf(ids.make('usr'))
  const uses = await Promise.all(
    Array.from({ length: 8 }, (_, process) =>
      bookOf(makeAccountBook(books.hub, process)).use([limit], of(100n, `lane${String(process)}`)),
    ),
  )
  const raised = { ...limit, amountMinor: 900n }
  const later = await bookOf(makeAccountBook(books.hub, 9)).use([raised], of(1n))
  const results = await Promise.all(uses.map((use) => books.apply(use)))
  expect(results.filter(({ code }) => code === 'ok')).toHaveLength(1)
  expect(await books.apply(later)).toMatchObject({ transfer: 'exceeds_debits' })
  expect(await bookOf().standing(books.hub, [raised])).toEqual([{ usedMinor: 100n, maxMinor: 100n }])
})

test('of several limits all are taken or none, and what was given back is there again', async () => {
  const owner = ids.make('usr')
  const both = [limitOf(owner, 100n), { owner, period: 'month:2026-11', amountMinor: 150n }]
  const book = bookOf()
  const standing = async () => (await book.standing(books.hub, both)).map(({ usedMinor }) => usedMinor)
  expect(await standing()).toEqual([0n, 0n])
  const first = await book.use(both, of(90n))
  expect(await books.apply(first)).toEqual({ code: 'ok' })
  const tomorrow = [{ ...limitOf(owner), period: 'day:2026-11-24' }, both[1] ?? limitOf(owner)]
  expect(await books.apply(await book.use(tomorrow, of(90n)))).toMatchObject({ transfer: 'exceeds_debits', leg: 1 })
  expect(await standing()).toEqual([90n, 90n])
  await books.apply(first.map(({ id }) => ({ ...books.end('void', id), ledger: ledgerId })))
  expect(await standing()).toEqual([0n, 0n])
  expect(await books.apply(await book.use(tomorrow, { ...of(90n), kind: 'post' }))).toEqual({ code: 'ok' })
  expect(await standing()).toEqual([0n, 90n])
})
