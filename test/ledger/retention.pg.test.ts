import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { forgetOld, type Unit } from '../../src/ledger/index.ts'
import type { StoredReply } from '../../src/ledger/unit.ts'
import { type Books, ids, openBooks } from './support/books.ts'
import { AHEAD } from './support/payment-rows.ts'

/** What is forgotten, by the database's clock: old answers and old jtis, and nothing that somebody may still ask for. */
let books: Books
beforeAll(async () => {
  books = await openBooks()
})
afterAll(() => books.close())
beforeEach(async () => {
  await books.owner`truncate idempotency, used_jtis`
})

const OK = { code: 'ok' }
const SCOPE = 'usr_retention'
const reply = (n: number): StoredReply => ({ ok: true, body: String(n) })
const under = (key: string, n: number, more: Partial<Unit> = {}): Unit =>
  books.unit([], { key: { scope: SCOPE, key, hash: 'h' }, ok: { reply: reply(n) }, ...more })
const send = (key: string, n: number, more: Partial<Unit> = {}) => books.ledger.apply(under(key, n, more))
const replayed = (n: number) => ({ code: 'replayed', reply: reply(n) })

const age = (key: string, by: string) => books.owner`
  update idempotency set created_at = clock_timestamp() - ${by}::text::interval where scope = ${SCOPE} and key = ${key}`
/** A key whose command began this long ago and has no answer; its lease ends by the second time. */
const lease = (key: string, began: string, until: string) => books.owner`
  insert into idempotency (scope, key, content_hash, created_at, lease_until)
  values (${SCOPE}, ${key}, 'h', clock_timestamp() - ${began}::text::interval, clock_timestamp() + ${until}::text::interval)`
const keys = async () =>
  (await books.owner<{ key: string }[]>`select key from idempotency order by key`).map(({ key }) => key)

/** Answers of long ago, this many. */
const longAgo = (n: number) => books.owner`
  insert into idempotency (scope, key, content_hash, reply, created_at)
  select 'usr_old', 'old' || n, 'h', '{"ok":true,"body":"1"}', clock_timestamp() - interval '8 days'
  from generate_series(1, ${n}::int) n`

test('an answer is replayed as it was stored for seven days, and is gone after them', async () => {
  expect(await send('a', 1)).toEqual(OK)
  await age('a', '6 days 23:59')
  expect(await forgetOld(books.hub)).toEqual({ answers: 0, jtis: 0 })
  expect(await send('a', 2)).toEqual(replayed(1))
  await age('a', '7 days')
  expect(await forgetOld(books.hub)).toEqual({ answers: 1, jtis: 0 })
  expect(await keys()).toEqual([])
})

test('a key whose command runs stays, however long ago it began; one that was left behind goes a week after its lease', async () => {
  await lease('runs', '30 days', '10 seconds')
  await lease('was let go', '30 days', '-6 days -23:59')
  await lease('was left', '30 days', '-7 days')
  expect(await forgetOld(books.hub)).toEqual({ answers: 1, jtis: 0 })
  expect(await keys()).toEqual(['runs', 'was let go'])
})

test('an answer under an old key is kept from when it was given', async () => {
  await lease('b', '30 days', '-6 days')
  await lease('c', '30 days', '10 seconds')
  expect(await send('b', 1)).toEqual(OK)
  expect(await send('c', 2, { key: { scope: SCOPE, key: 'c', hash: 'h', complete: true } })).toEqual(OK)
  expect(await forgetOld(books.hub)).toEqual({ answers: 0, jtis: 0 })
  expect(await send('b', 3)).toEqual(replayed(1))
  expect(await send('c', 3)).toEqual(replayed(2))
})

test('a used jti is refused until a day after its end', async () => {
  const jti = { device: 'dev_retention', jti: ids.uuid(), expires_at: AHEAD }
  const end = (by: string) =>
    books.owner`update used_jtis set expires_at = clock_timestamp() - ${by}::text::interval where jti = ${jti.jti}`
  expect(await books.apply([], { jti })).toEqual(OK)
  for (const by of ['-1 hour', '23:59']) {
    await end(by)
    expect(await forgetOld(books.hub)).toEqual({ answers: 0, jtis: 0 })
    expect(await books.apply([], { jti })).toEqual({ code: 'jti_used' })
  }
  await end('1 day')
  expect(await forgetOld(books.hub)).toEqual({ answers: 0, jtis: 1 })
})

test('all that is old goes, in batches, at any number of hubs at once, and each row once', async () => {
  await longAgo(2_501)
  await books.owner`
    insert into used_jtis (device, jti, expires_at)
    select 'dev_old', n::text, clock_timestamp() - interval '2 days' from generate_series(1, 1001) n`
  expect(await send('new', 1)).toEqual(OK)
  const forgotten = await Promise.all([1, 2, 3].map(() => forgetOld(books.hub, { rows: 100 })))
  // Whoever found a batch that others were at left the rest to them; nobody counts what another has deleted.
  const last = await forgetOld(books.hub)
  const sum = (of: (each: { answers: number; jtis: number }) => number) =>
    [...forgotten, last].map(of).reduce((a, b) => a + b, 0)
  expect([sum(({ answers }) => answers), sum(({ jtis }) => jtis)]).toEqual([2_501, 1_001])
  expect(await keys()).toEqual(['new'])
  expect(await send('new', 2)).toEqual(replayed(1))
})

test('it ends after the batch in hand when its hub goes', async () => {
  await longAgo(30)
  expect(await forgetOld(books.hub, { rows: 10, stopping: AbortSignal.abort() })).toEqual({ answers: 10, jtis: 0 })
})

test('rows that another call holds are passed over, never waited for', async () => {
  await longAgo(20)
  await books.owner.begin(async (tx) => {
    await tx`select from idempotency where key = 'old7' for update`
    expect(await forgetOld(books.hub)).toEqual({ answers: 19, jtis: 0 })
  })
  expect(await forgetOld(books.hub)).toEqual({ answers: 1, jtis: 0 })
})

test('a key that a unit is about to answer is left to it', async () => {
  await lease('d', '30 days', '-8 days')
  await books.owner.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(hashtextextended(${`${SCOPE} d`}, 0))`
    expect(await forgetOld(books.hub)).toEqual({ answers: 0, jtis: 0 })
  })
  expect(await send('d', 1)).toEqual(OK)
  expect(await send('d', 2)).toEqual(replayed(1))
})

test('no unit waits while rows are being forgotten: neither one that asks for them nor any other', async () => {
  await longAgo(1)
  expect(await send('e', 1)).toEqual(OK)
  await age('e', '8 days')
  const jti = { device: 'dev_retention', jti: ids.uuid(), expires_at: AHEAD }
  expect(await books.apply([], { jti })).toEqual(OK)
  await books.owner`update used_jtis set expires_at = clock_timestamp() - interval '2 days'`
  await books.owner.begin(async (tx) => {
    // A call that waits is ended by this before the sweep is.
    expect([...(await tx`select forget_answers(10) as answers, forget_jtis(10) as jtis`)]).toEqual([
      { answers: 2, jtis: 1 },
    ])
    expect(await send('e', 2)).toEqual(replayed(1))
    expect(await books.apply([], { jti })).toEqual({ code: 'jti_used' })
    expect(await send('f', 1, { jti: { ...jti, jti: ids.uuid() } })).toEqual(OK)
  })
  expect(await keys()).toEqual(['f'])
})

test.each(['forget_answers', 'forget_jtis'])('%s finds what is old by the index on its time', async (name) => {
  // Among many that are new, none is old: only the index knows without reading them all.
  await books.owner`
    insert into idempotency (scope, key, content_hash, reply)
    select 'usr_new', 'new' || n, 'h', '{"ok":true,"body":"1"}' from generate_series(1, 20000) n`
  await books.owner`
    insert into used_jtis (device, jti, expires_at)
    select 'dev_new', n::text, clock_timestamp() from generate_series(1, 20000) n`
  await books.owner`analyze idempotency, used_jtis`
  await books.owner.begin(async (tx) => {
    const read = async () => {
      const [row] = await tx<{ n: number }[]>`
        select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int as n from pg_stat_xact_user_tables
        where relname in ('idempotency', 'used_jtis')`
      return row?.n ?? Number.NaN
    }
    const before = await read()
    await tx.unsafe(`select ${name}(1000)`)
    expect((await read()) - before).toBeLessThan(100)
  })
})
