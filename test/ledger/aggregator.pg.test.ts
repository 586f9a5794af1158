import { Registry } from 'prom-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  LedgerDraining,
  LedgerUnavailable,
  laneOf,
  makeLedger,
  makeLedgerMetrics,
  openDatabase,
} from '../../src/ledger/index.ts'
import { type Books, ids, log, openBooks } from './support/books.ts'

let books: Books
beforeAll(async () => {
  books = await openBooks()
})
afterAll(() => books.close())

test('what is asked in one turn goes out as one call in each lane', async () => {
  const pairs = await Promise.all(
    [0, 1].map(async (lane) => ({
      from: await books.wallet(1_000),
      to: await books.merchant(),
      subject: Array.from({ length: 64 }, () => ids.make('pay')).find((name) => laneOf(name) === lane) ?? '',
    })),
  )
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

test('a call that takes longer than the server allows is sent again in halves', async () => {
  const [from, to] = [await books.wallet(1_000), await books.merchant()]
  // So slow for each unit that the whole batch cannot be done in time, and a part of it can.
  await books.owner.unsafe(`
    create function dawdle() returns trigger language plpgsql as $$ begin perform pg_sleep(0.01); return new; end $$;
    create trigger dawdle before insert on units for each row execute function dawdle();`)
  const hasty = openDatabase({ url: books.database.url('mooring_hub'), name: 'hasty', connections: 1 })
  await hasty`set statement_timeout = '150ms'`
  const ledger = makeLedger({ sql: hasty, log, limits: { connections: 1 } })
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
    const { ledger, accepted, paid, letGo, end } = await waiting(10)
    const raising = ledger.apply({ id: ids.uuid(), ok: { new_attempt: { payment: 'pay_x' } } })
    const raised = expect(raising).rejects.toThrow('raised')
    const drained = ledger.drain()
    await expect
      .poll(() => books.owner`select from pg_stat_activity where application_name = 'draining'`)
      .toHaveLength(2)
    const superuser = openDatabase({ url: books.database.url('postgres'), name: 'test-killer', connections: 1 })
    await superuser`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'draining'`
    await superuser.end()
    await letGo()
    await drained
    await raised
    expect(await Promise.all(accepted)).toEqual(accepted.map(() => ({ code: 'ok' })))
    expect(await paid()).toBe(10n)
    await end()
  })

  test('it is over at once where nothing was taken', async () => {
    const ledger = makeLedger({ sql: books.hub, log })
    await ledger.drain()
    await expect(ledger.apply(books.unit([]))).rejects.toThrow(LedgerDraining)
  })
})
