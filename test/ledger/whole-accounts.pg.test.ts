import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { merchantPendingAccount } from '../../src/domain/accounting/index.ts'
import {
  type AccountFlag,
  accountId,
  audit,
  makeAccountBook,
  makeLedger,
  openDatabase,
  sweepShards,
} from '../../src/ledger/index.ts'
import { type Books, ids, log, openBooks } from './support/books.ts'

/** Freezing and closing an account that is several rows: all of them, whichever is named and whenever one is born. */
let books: Books
let payer: string
beforeAll(async () => {
  books = await openBooks()
  payer = await books.wallet(100_000)
})
afterAll(() => books.close())

const refused = (transfer: string, leg = 0) => ({ code: 'refused', transfer, leg })
const OK = { code: 'ok' }

type Account = Awaited<ReturnType<typeof account>>

/** A merchant's account of so many rows; `grow` opens the row of one more process. */
async function account(rows = 3) {
  const spec = merchantPendingAccount(ids.make('mer'))
  const [main = ''] = await books.open(spec)
  const grow = async (process: number): Promise<string> => {
    const [pair] = await makeAccountBook(books.hub, process).ensureLegs(
      books.book,
      [{ debit: spec, credit: spec }],
      'x',
    )
    return pair?.credit ?? ''
  }
  const shards: string[] = []
  for (let process = 1; process < rows; process++) shards.push(await grow(process))
  return { main, shards, rows: [main, ...shards], grow }
}

const set = (flag: AccountFlag['set'], row: string) => books.apply([], { flags: [{ account: row, set: flag }] })

/** Of each row of the account, by number: `frozen closed`. */
async function flagsOf({ main }: Pick<Account, 'main'>): Promise<string[]> {
  const rows = await books.owner<{ is: string }[]>`
    select concat_ws(' ', frozen, closed) as is from accounts where main = ${main} order by shard`
  return rows.map(({ is }) => is)
}

/** A call that waits for a lock now. */
const waits = async (): Promise<boolean> => {
  const rows = await books.hub`
    select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
  return rows.length > 0
}

describe.each([
  ['freeze', 'unfreeze', 'account_frozen', 't f'],
  ['close', 'reopen', 'account_closed', 'f t'],
] as const)('%s', (on, off, code, flags) => {
  test.each([
    ['first', 0],
    ['last', 2],
  ])('of an account by its %s row is of all its rows, and so is its opposite', async (_which, named) => {
    const it = await account()
    const other = await account()
    expect(await set(on, it.rows[named] ?? '')).toEqual(OK)
    expect(await flagsOf(it)).toEqual([flags, flags, flags])
    for (const row of it.rows) expect(await books.apply([books.post(payer, row, 1)])).toEqual(refused(code))
    expect(await flagsOf(other)).toEqual(['f f', 'f f', 'f f'])

    expect(await set(off, it.rows[2 - named] ?? '')).toEqual(OK)
    expect(await flagsOf(it)).toEqual(['f f', 'f f', 'f f'])
    for (const row of it.rows) expect(await books.apply([books.post(payer, row, 1)])).toEqual(OK)
  })

  test('is on a row that is born later', async () => {
    const it = await account(1)
    await set(on, it.main)
    expect(await books.apply([books.post(payer, await it.grow(1), 1)])).toEqual(refused(code))
    await set(off, it.main)
    expect(await books.apply([books.post(payer, await it.grow(2), 1)])).toEqual(OK)
  })

  test('is on a row that is born while it is put on', async () => {
    const it = await account(1)
    const born: Promise<string>[] = []
    await books.owner.begin(async (tx) => {
      // As a call that has decided and not committed: the row is locked and changed.
      await tx`update accounts set ${tx(on === 'freeze' ? 'frozen' : 'closed')} = true where id = ${it.main}`
      born.push(it.grow(1))
      await expect.poll(waits).toBe(true)
    })
    await Promise.all(born)
    expect(await flagsOf(it)).toEqual([flags, flags])
  })

  test('is on a row whose birth it did not see', async () => {
    const it = await account(1)
    const putOn: ReturnType<typeof set>[] = []
    await books.owner.begin(async (tx) => {
      // As an opening that has not committed.
      const [first] = await tx<{ row: object; name: string }[]>`
        select to_jsonb(a) as row, name from accounts a where id = ${it.main}`
      const shard = { ...first?.row, id: accountId(books.book, first?.name ?? '', 7), shard: 7 }
      await tx`select open_accounts(${JSON.stringify([first?.row, shard])}::text::jsonb)`
      putOn.push(set(on, it.main))
      await expect.poll(waits).toBe(true)
    })
    expect(await Promise.all(putOn)).toEqual([OK])
    expect(await flagsOf(it)).toEqual([flags, flags])
  })
})

test.each(['debit', 'credit'] as const)(
  'a hold on the %s side of any row keeps the account from being closed',
  async (side) => {
    const it = await account()
    const [, shard = '', last = ''] = it.rows
    if (side === 'debit') await books.apply([books.post(payer, shard, 10)])
    const hold = side === 'debit' ? books.reserve(shard, payer, 10) : books.reserve(payer, shard, 10)
    expect(await books.apply([hold])).toEqual(OK)
    for (const row of [it.main, last]) expect(await set('close', row)).toEqual(refused('account_has_holds'))
    expect(await flagsOf(it)).toEqual(['f f', 'f f', 'f f'])
    await books.apply([books.end('void', hold.id)])
    expect(await set('close', it.main)).toEqual(OK)
  },
)

test('a hold on a row of another account keeps none from being closed', async () => {
  const [it, other] = [await account(), await account()]
  await books.apply([books.reserve(payer, other.shards[0] ?? '', 1)])
  const both = [it, other].map(({ main }) => ({ account: main, set: 'close' as const }))
  expect(await books.apply([], { flags: both })).toEqual(refused('account_has_holds', 1))
  expect(await set('close', it.main)).toEqual(OK)
})

test('a post to a shard is decided in order with the freezing of its account, in one batch', async () => {
  const it = await account()
  const [, shard = ''] = it.rows
  const one = makeLedger({ sql: books.hub, log, limits: { connections: 1 } })
  const post = () => books.unit([books.post(payer, shard, 1)])
  const flag = (flags: AccountFlag['set']) => books.unit([], { flags: [{ account: it.main, set: flags }] })
  const units = [post(), flag('freeze'), post(), flag('unfreeze'), post()]
  const results = await Promise.all(units.map((unit) => one.apply(unit)))
  expect(results).toEqual([OK, OK, refused('account_frozen'), OK, OK])
  expect(one.stats().batches).toBe(1)
})

describe('the sweeper', () => {
  const sweep = () => sweepShards({ sql: books.hub, ledger: books.ledger, ids })
  beforeEach(async () => {
    await sweep()
  })
  const attempts = async (): Promise<string> => {
    const [row] = await books.owner<{ n: string }[]>`
      select (select count(*) from refused_transfers) || ' ' || (select count(*) from units) as n`
    return row?.n ?? ''
  }

  test.each(['freeze', 'close'] as const)('asks nothing of an account to which somebody put %s', async (flag) => {
    const it = await account()
    for (const shard of it.shards) await books.apply([books.post(payer, shard, 1)])
    await set(flag, it.main)
    const before = await attempts()
    expect(await sweep()).toBe(0)
    expect(await attempts()).toBe(before)
    await set(flag === 'freeze' ? 'unfreeze' : 'reopen', it.main)
    expect(await sweep()).toBe(2)
  })

  test.each(['frozen', 'closed'])('asks nothing where only the first row is %s', async (column) => {
    const it = await account()
    await books.apply([books.post(payer, it.shards[0] ?? '', 1)])
    await books.owner`update accounts set ${books.owner(column)} = true where id = ${it.main}`
    const before = await attempts()
    expect(await sweep()).toBe(0)
    expect(await attempts()).toBe(before)
    await books.owner`update accounts set ${books.owner(column)} = false where id = ${it.main}`
    expect(await sweep()).toBe(1)
  })
})

test('rows are born and used while their accounts are frozen again and again: no deadlock, and none escapes', async () => {
  const all = await Promise.all(Array.from({ length: 4 }, () => account(2)))
  const sql = openDatabase({ url: books.database.url('mooring_hub'), name: 'test-whole', connections: 6 })
  const ledgers = Array.from({ length: 3 }, () => makeLedger({ sql, log }))
  const any = <T>(list: readonly T[], n: number): T => {
    const one = list[n % list.length]
    if (one === undefined) throw new Error('nothing to pick from')
    return one
  }
  const before = await deadlocks()
  for (let round = 0; round < 25; round++) {
    const flags = all.map(({ rows }, n) => ({ account: any(rows, round + n), set: 'freeze' as const }))
    const posts = all.flatMap(({ rows }) => rows.map((row) => books.post(payer, row, 1)))
    await Promise.all([
      any(ledgers, round).apply(books.unit([], { flags })),
      ...posts.map((post, n) =>
        any(ledgers, n).apply(books.unit([post, books.post(payer, any(posts, n + 1).credit, 1)])),
      ),
      ...all.map(async (one) => one.rows.push(await one.grow(2 + round))),
    ])
    for (const one of all) expect(new Set(await flagsOf(one))).toEqual(new Set(['t f']))
    await books.apply([], { flags: flags.toReversed().map((flag) => ({ ...flag, set: 'unfreeze' as const })) })
    for (const one of all) expect(new Set(await flagsOf(one))).toEqual(new Set(['f f']))
  }
  // A backend tells of its deadlocks when it ends, if not before.
  await sql.end()
  expect(await deadlocks()).toBe(before)
  expect((await audit(books.owner)).breaches).toEqual([])
})

async function deadlocks(): Promise<number> {
  const [row] = await books.owner<{ n: number }[]>`
    select deadlocks::int as n from pg_stat_database where datname = current_database()`
  return row?.n ?? -1
}
