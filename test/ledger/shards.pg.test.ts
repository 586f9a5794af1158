import { afterAll, beforeAll, expect, test } from 'vitest'
import { merchantPendingAccount } from '../../src/domain/accounting/index.ts'
import { type Ledger, audit, makeAccountBook, makeLedger, startSweeper, sweepShards } from '../../src/ledger/index.ts'
import { until } from '../support/until.ts'
import { type Books, ids, log, openBooks } from './support/books.ts'

/** Money in shards, which cannot be spent before it is swept. */

const MERCHANTS = 3
/** Of each merchant: more than one page, so that a page ends within a merchant. */
const PROCESSES = 110

let books: Books
let payer: string
let mains: string[]
let shards: string[]
beforeAll(async () => {
  books = await openBooks()
  payer = await books.wallet(1_000_000)
  const specs = Array.from({ length: MERCHANTS }, () => merchantPendingAccount(ids.make('mer')))
  mains = await books.open(...specs)
  const found = new Set<string>()
  for (let process = 0; process < PROCESSES; process++) {
    const legs = specs.map((spec) => ({ debit: spec, credit: spec }))
    const book = makeAccountBook(books.hub, process)
    for (const lane of ['a', 'b', 'c', 'd']) {
      for (const { credit } of await book.ensureLegs(books.book, legs, lane)) found.add(credit)
    }
  }
  shards = [...found].filter((id) => !mains.includes(id))
})
afterAll(() => books.close())

const fill = async (some: readonly string[]): Promise<void> => {
  expect(await books.apply(some.map((shard) => books.post(payer, shard, 1)))).toEqual({ code: 'ok' })
}

const inMains = async (): Promise<bigint> => {
  const all = await Promise.all(mains.map((main) => books.balance(main)))
  return all.reduce((sum, { posted }) => sum + posted, 0n)
}

async function full(): Promise<number> {
  const [row] = await books.owner<{ n: number }[]>`
    select count(*)::int as n from accounts where shard > 0 and credits_posted > debits_posted`
  return row?.n ?? -1
}

test('one call sweeps every shard, however many there are and wherever it begins', async () => {
  expect(shards.length).toBe(MERCHANTS * (2 * PROCESSES - 1))
  for (let time = 0; time < 5; time++) {
    const before = await inMains()
    await fill(shards)
    expect(await sweepShards({ sql: books.hub, ledger: books.ledger, ids })).toBe(shards.length)
    expect(await full()).toBe(0)
    expect(await inMains()).toBe(before + BigInt(shards.length))
  }
  expect(await sweepShards({ sql: books.hub, ledger: books.ledger, ids })).toBe(0)
})

test('a shard that cannot be swept does not keep the others from it, and is told', async () => {
  await fill(shards)
  const [stuck = ''] = shards
  const ledger: Ledger = {
    ...books.ledger,
    apply: (unit) =>
      unit.transfers?.some((one) => 'debit' in one && one.debit === stuck) === true
        ? Promise.reject(new Error('it raised'))
        : books.ledger.apply(unit),
  }
  await expect(sweepShards({ sql: books.hub, ledger, ids })).rejects.toThrow('1 shards were not swept')
  expect(await full()).toBe(1)
  expect(await sweepShards({ sql: books.hub, ledger: books.ledger, ids })).toBe(1)
})

test('hubs that sweep at once sweep each shard once, and the books stay true', async () => {
  const before = await inMains()
  await fill(shards)
  const hubs = Array.from({ length: 4 }, () => makeLedger({ sql: books.hub, log }))
  const counts = await Promise.all(hubs.map((ledger) => sweepShards({ sql: books.hub, ledger, ids })))
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(shards.length)
  expect(await inMains()).toBe(before + BigInt(shards.length))
  expect((await audit(books.owner)).breaches).toEqual([])
})

test('the sweeper sweeps what comes in while it runs, and begins no page once it is stopped', async () => {
  const sweeper = startSweeper({ sql: books.hub, ledger: books.ledger, ids, log, everyMs: 5 })
  for (let time = 0; time < 3; time++) {
    await fill(shards)
    await until(async () => (await full()) === 0, { timeout_ms: 30_000, what: 'all shards are swept' })
  }
  await sweeper.stop()
  await fill(shards)
  expect(await sweepShards({ sql: books.hub, ledger: books.ledger, ids }, AbortSignal.abort())).toBe(0)
  expect(await full()).toBe(shards.length)
})
