import { Registry } from 'prom-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  LedgerDraining,
  LedgerOverloaded,
  LedgerUnavailable,
  type Unit,
  type UnitResult,
  laneOf,
  makeLedger,
  makeLedgerMetrics,
  openDatabase,
} from '../../src/ledger/index.ts'
import { freePorts } from '../../tools/process/ports.ts'
import { startCuttingProxy } from './model/cutting-proxy.ts'
import { type Books, ids, log, openBooks } from './support/books.ts'

let books: Books
beforeAll(async () => {
  books = await openBooks()
})
afterAll(() => books.close())

/** Somebody who pays somebody, in each of the two lanes. */
const pairsOfLanes = () =>
  Promise.all(
    [0, 1].map(async (lane) => ({
      from: await books.wallet(1_000),
      to: await books.merchant(),
      subject: Array.from({ length: 64 }, () => ids.make('pay')).find((name) => laneOf(name) === lane) ?? '',
    })),
  )

test('what is asked in one turn goes out as one call in each lane', async () => {
  const pairs = await pairsOfLanes()
  const registry = new Registry()
  const ledger = makeLedger({ sql: books.hub, log, metrics: makeLedgerMetrics(registry) })
  await Promise.all(
    Array.from({ length: 20 }, () => pairs)
      .flat()
      .map(({ from, to, subject }) => ledger.apply(books.unit([{ ...books.post(from, to, 1), subject }]))),
  )
  expect(ledger.stats()).toEqual({ queued: 0, batches: 2, units: 40 })
  const text = await registry.metrics()
  expect(text).toContain('mooring_ledger_batch_units_sum 40')
  expect(text).toContain('mooring_ledger_batch_units_count 2')
  expect(text).toContain('mooring_ledger_wait_seconds_count 40')
  expect(text).toContain('mooring_ledger_commit_seconds_count 2')
})

describe('few units', () => {
  /** A call that waits for a row somebody holds, until `letGo`. */
  async function stuck(limits: { company_ms: number }) {
    const [one, two] = await pairsOfLanes()
    if (one === undefined || two === undefined) throw new Error('there are two lanes')
    const ledger = makeLedger({ sql: books.hub, log, limits })
    const pay = ({ from, to, subject }: typeof one) =>
      ledger.apply(books.unit([{ ...books.post(from, to, 1), subject }]))
    const [held, free] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const holder = books.owner.begin(async (tx) => {
      await tx`select from accounts where id = ${one.from} for no key update`
      held.resolve()
      await free.promise
    })
    await held.promise
    const first = pay(one)
    await expect.poll(() => ledger.stats().queued).toBe(0)
    const letGo = async () => {
      free.resolve()
      await holder
    }
    return { ledger, first, payOne: () => pay(one), payTwo: () => pay(two), letGo }
  }

  test('go out together, of all lanes', async () => {
    const ledger = makeLedger({ sql: books.hub, log })
    const pairs = await pairsOfLanes()
    await Promise.all(
      [...pairs, ...pairs].map(({ from, to, subject }) =>
        ledger.apply(books.unit([{ ...books.post(from, to, 1), subject }])),
      ),
    )
    expect(ledger.stats()).toEqual({ queued: 0, batches: 1, units: 4 })
  })

  test('wait for the call that is out, and go together after it', async () => {
    const { ledger, first, payOne, payTwo, letGo } = await stuck({ company_ms: 60_000 })
    const later = [payTwo(), payOne()]
    await expect.poll(() => ledger.stats()).toEqual({ queued: 2, batches: 0, units: 0 })
    await letGo()
    expect(await Promise.all([first, ...later])).toEqual([{ code: 'ok' }, { code: 'ok' }, { code: 'ok' }])
    expect(ledger.stats()).toEqual({ queued: 0, batches: 2, units: 3 })
  })

  test('do not wait for a call that takes long', async () => {
    const { ledger, first, payTwo, letGo } = await stuck({ company_ms: 500 })
    expect(await payTwo()).toEqual({ code: 'ok' })
    expect(ledger.stats()).toEqual({ queued: 0, batches: 1, units: 1 })
    await letGo()
    expect(await first).toEqual({ code: 'ok' })
  })
})

test('a full queue is refused at once and changes nothing', async () => {
  const small = makeLedger({ sql: books.hub, log, limits: { queue_units: 4, connections: 1, batch_units: 1 } })
  const [from, to] = [await books.wallet(100), await books.merchant()]
  const results = await Promise.allSettled(
    Array.from({ length: 20 }, () => small.apply(books.unit([books.post(from, to, 1)]))),
  )
  const refused = results.filter((result) => result.status === 'rejected' && result.reason instanceof LedgerOverloaded)
  const done = results.filter((result) => result.status === 'fulfilled').length
  expect(refused).toHaveLength(20 - done)
  expect(done).toBe(4)
  expect((await books.balance(from)).posted).toBe(100n - BigInt(done))
})

test('each unit is told its own result', async () => {
  const [from, to] = [await books.wallet(100), await books.merchant()]
  const ledger = makeLedger({ sql: books.hub, log, limits: { connections: 1 } })
  const amounts = [101, 60, 40]
  const results = await Promise.all(amounts.map((amount) => ledger.apply(books.unit([books.post(from, to, amount)]))))
  expect(results.map(({ code }) => code)).toEqual(['refused', 'ok', 'ok'])
  expect(ledger.stats().batches).toBe(1)
})

test('who listens is told of events once they are committed, and of nothing else', async () => {
  const [from, to] = [await books.wallet(100), await books.merchant()]
  const ledger = makeLedger({ sql: books.hub, log })
  const id = ids.make('evt')
  const found: Promise<number>[] = []
  ledger.onEvents(() => found.push(books.owner`select from outbox where id = ${id}`.then((rows) => rows.length)))
  await ledger.apply(books.unit([books.post(from, to, 1)]))
  expect(found).toHaveLength(0)
  const events = [{ id, feed: ids.make('usr'), name: 'source.updated' as const, body: {} }]
  await ledger.apply(books.unit([books.post(from, to, 1)], { ok: { events } }))
  expect(await Promise.all(found)).toEqual([1])
})

test('a call has no more units than it may have', async () => {
  const [from, to] = [await books.wallet(100), await books.merchant()]
  const ledger = makeLedger({ sql: books.hub, log, limits: { connections: 1, batch_units: 3 } })
  await Promise.all(Array.from({ length: 20 }, () => ledger.apply(books.unit([books.post(from, to, 1)]))))
  expect(ledger.stats()).toEqual({ queued: 0, batches: 7, units: 20 })
})

test('one unit that raises in the database fails alone', async () => {
  const [from, to] = [await books.wallet(100), await books.merchant()]
  const broken: Unit = books.unit([books.post(from, to, 1)], { ok: { new_attempt: { payment: 'pay_x' } } })
  const spends = () => Array.from({ length: 9 }, () => books.apply([books.post(from, to, 1)]))
  const results = await Promise.allSettled([...spends(), books.ledger.apply(broken), ...spends()])
  expect(results.filter((result) => result.status === 'rejected')).toHaveLength(1)
  expect((await books.balance(to)).posted).toBe(18n)
})

test('a database that stays away is given up after a while', async () => {
  const [port = 0] = await freePorts(1)
  const url = new URL(books.database.url('mooring_hub'))
  url.port = String(port)
  const away = openDatabase({ url: url.href, name: 'away', connections: 1 })
  const ledger = makeLedger({ sql: away, log, limits: { retry_for_ms: 200 } })
  const failed: unknown[] = []
  ledger.apply({ id: ids.uuid(), ok: {} }).catch((error: unknown) => failed.push(error))
  await expect.poll(() => failed).toEqual([expect.any(LedgerUnavailable)])
  await away.end({ timeout: 1 })
})

test('a unit whose connection is lost before or after its commit is sent again and happens once', async () => {
  const [from, to] = [await books.wallet(100), await books.merchant()]
  const url = new URL(books.database.url('mooring_hub'))
  const proxy = await startCuttingProxy(Number(url.port), () => proxy.cuts() === 0)
  url.port = String(proxy.port)
  const sql = openDatabase({ url: url.href, name: 'test-lost', connections: 1 })
  const ledger = makeLedger({ sql, log })
  const feed = ids.make('usr')
  const unit = () =>
    books.unit([books.post(from, to, 1)], {
      ok: { events: [{ id: ids.make('evt'), feed, name: 'source.updated', body: {} }] },
    })
  expect(await ledger.apply(unit())).toEqual({ code: 'ok' })
  expect(proxy.cuts()).toBe(1)

  // The next waits for an account, and its backend ends there.
  const superuser = openDatabase({ url: books.database.url('postgres'), name: 'test-killer', connections: 1 })
  const asked: Promise<UnitResult>[] = []
  await books.owner.begin(async (tx) => {
    await tx`select from accounts where id = ${from} for no key update`
    asked.push(ledger.apply(unit()))
    const ended = () => superuser`
      select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'test-lost' and wait_event_type = 'Lock'`
    await expect.poll(async () => (await ended()).length).toBe(1)
  })
  expect(await asked[0]).toEqual({ code: 'ok' })
  const rows = await books.owner<{ seq: bigint }[]>`select seq from outbox where feed = ${feed} order by seq`
  expect(rows.map(({ seq }) => seq)).toEqual([1n, 2n])
  expect((await books.balance(to)).posted).toBe(2n)
  await Promise.all([sql.end({ timeout: 1 }), superuser.end({ timeout: 1 })])
  await proxy.close()
})

test('a call that takes longer than the server allows is sent again in halves', async () => {
  const [from, to] = [await books.wallet(1_000), await books.merchant()]
  // So slow for each unit that the whole batch cannot be done in time, and a part of it can.
  await books.owner.unsafe(`
    create function dawdle() returns trigger language plpgsql as $$ begin perform pg_sleep(0.01); return new; end $$;
    create trigger dawdle before insert on units for each row execute function dawdle();`)
  const hasty = openDatabase({ url: books.database.url('mooring_hub'), name: 'hasty', connections: 1 })
  await hasty`set statement_timeout = '150ms'`
  const ledger = makeLedger({ sql: hasty, log, limits: { connections: 1, retry_for_ms: 5_000 } })
  const results = await Promise.all(
    Array.from({ length: 40 }, () => ledger.apply(books.unit([books.post(from, to, 1)]))),
  )
  expect(new Set(results.map((result) => result.code))).toEqual(new Set(['ok']))
  expect((await books.balance(to)).posted).toBe(40n)
  await books.owner.unsafe('drop trigger dawdle on units; drop function dawdle()')
  await hasty.end({ timeout: 1 })
})

test('a unit that meets a transfer of its id, written at the same moment, is sent again and sees it', async () => {
  const [from, to] = [await books.wallet(1_000), await books.merchant()]
  const transfer = books.post(from, to, 100)
  // Of other accounts, so that no lock keeps the two apart.
  const [a, b] = [await books.wallet(1), await books.merchant()]
  const [met, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const other = books.owner.begin(async (tx) => {
    await tx`
      insert into transfers (ledger, id, kind, debit_account, credit_account, amount, subject, unit)
      values (${books.book}, ${transfer.id}, 'post', ${a}, ${b}, 1, 'other', ${ids.uuid()})`
    met.resolve()
    await ended.promise
  })
  await met.promise
  const answer = books.apply([transfer, books.post(from, to, 1)])
  await expect
    .poll(async () => {
      const waiting = await books.hub`
        select from pg_stat_activity
        where wait_event_type = 'Lock' and usename = current_user and datname = current_database()`
      return waiting.length
    })
    .toBe(1)
  ended.resolve()
  await other
  expect(await answer).toEqual({ code: 'refused', transfer: 'exists_with_different_amount', leg: 0 })
  expect(await books.balance(from)).toEqual({ posted: 1_000n, out: 0n, in: 0n })
})

describe('after drain was asked for', () => {
  /** Units that wait for a row somebody holds, until `let go`. */
  async function waiting(count: number) {
    const [from, to] = [await books.wallet(1_000), await books.merchant()]
    const sql = openDatabase({ url: books.database.url('mooring_hub'), name: 'draining', connections: 2 })
    const ledger = makeLedger({ sql, log })
    const [held, free] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const holder = books.owner.begin(async (tx) => {
      await tx`select from accounts where id = ${from} for no key update`
      held.resolve()
      await free.promise
    })
    await held.promise
    const accepted = Array.from({ length: count }, () => ledger.apply(books.unit([books.post(from, to, 1)])))
    return {
      ledger,
      accepted,
      late: () => ledger.apply(books.unit([books.post(from, to, 1)])),
      paid: async () => (await books.balance(to)).posted,
      letGo: async () => {
        free.resolve()
        await holder
      },
      end: () => sql.end({ timeout: 1 }),
    }
  }

  test('no unit is taken, and every one that was is answered before it is over', async () => {
    const { ledger, accepted, late, paid, letGo, end } = await waiting(30)
    let [answered, over] = [0, 0]
    for (const each of accepted) void each.then(() => (answered += 1))
    const drains = [ledger.drain(), ledger.drain()].map((drain) => drain.then(() => (over += 1)))
    await expect(late()).rejects.toThrow(LedgerDraining)
    await expect(late()).rejects.toThrow(LedgerUnavailable)
    expect(over).toBe(0)
    await letGo()
    await Promise.all(drains)
    expect(answered).toBe(30)
    expect(await Promise.all(accepted)).toEqual(accepted.map(() => ({ code: 'ok' })))
    expect(await paid()).toBe(30n)
    await expect(late()).rejects.toThrow(LedgerDraining)
    expect(await paid()).toBe(30n)
    await end()
  })

  test('units are sent again where their connections are lost, and ones that raise are answered so', async () => {
    const { ledger, accepted, paid, letGo, end } = await waiting(20)
    const raising = ledger.apply({ id: ids.uuid(), ok: { new_attempt: { payment: 'pay_x' } } })
    // Awaited below: it is not answered before the others are.
    const raised = raising.then(
      () => 'applied',
      (error: unknown) => String(error),
    )
    const drained = ledger.drain()
    await expect
      .poll(() => books.owner`select from pg_stat_activity where application_name = 'draining'`)
      .toHaveLength(2)
    const superuser = openDatabase({ url: books.database.url('postgres'), name: 'test-killer', connections: 1 })
    await superuser`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'draining'`
    await superuser.end()
    await letGo()
    await drained
    expect(await raised).toContain('raised')
    expect(await Promise.all(accepted)).toEqual(accepted.map(() => ({ code: 'ok' })))
    expect(await paid()).toBe(20n)
    await end()
  })

  test('it is over at once where nothing was taken', async () => {
    const ledger = makeLedger({ sql: books.hub, log })
    await ledger.drain()
    await expect(ledger.apply(books.unit([]))).rejects.toThrow(LedgerDraining)
  })
})

test('backends killed again and again: everything acknowledged is there once', async () => {
  const [from, to] = [await books.wallet(1_000), await books.merchant()]
  const mine = openDatabase({ url: books.database.url('mooring_hub'), name: 'test-cut', connections: 2 })
  const cut = makeLedger({ sql: mine, log })
  const superuser = openDatabase({ url: books.database.url('postgres'), name: 'test-killer', connections: 1 })
  let running = true
  const killer = (async () => {
    let kills = 0
    while (running && kills < 20) {
      const rows = await superuser`
        select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'test-cut' and state = 'active'`
      kills += rows.length
    }
    return kills
  })()
  const spends = Array.from({ length: 600 }, () => books.post(from, to, 1))
  const results = await Promise.all(spends.map((spend) => cut.apply(books.unit([spend]))))
  running = false
  expect(await killer).toBeGreaterThan(3)
  expect(results.every((result) => result.code === 'ok')).toBe(true)
  expect(await books.balance(to)).toMatchObject({ posted: 600n })
  // Without a limit it would wait for connections that were cut.
  await Promise.all([mine.end({ timeout: 1 }), superuser.end({ timeout: 1 })])
})
