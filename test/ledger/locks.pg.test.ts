import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cashAccount } from '../../src/domain/accounting/index.ts'
import { type Query, type Unit, type UnitResult, makeLedger } from '../../src/ledger/index.ts'
import { type Books, ids, log, openBooks } from './support/books.ts'
import { AHEAD, attemptColumns, paymentColumns, sourceColumns } from './support/payment-rows.ts'

/**
 * What a call waits for, in which order, and what it never waits for. In each case somebody else has a row, and what
 * the call has and has not by then is looked at while it waits.
 */
let books: Books
beforeAll(async () => {
  books = await openBooks()
})
afterAll(() => books.close())

const OK = { code: 'ok' }
type Rest = Omit<Unit, 'id'>
const unit = (rest: Rest): Unit => ({ id: ids.uuid(), ...rest })

/** A ledger of one connection, soon tired: what waits in vain fails within the test. */
const oneCall = () => makeLedger({ sql: books.hub, log, limits: { connections: 1, retry_for_ms: 5_000 } })

/** As one call, in order; answers when all are answered. */
const applied = (units: readonly Unit[]): Promise<UnitResult[]> => {
  const one = oneCall()
  return Promise.all(units.map((each) => one.apply(each)))
}

type Row = (sql: Query) => Promise<readonly object[]>
type Lock = (sql: Query) => Promise<unknown>
const account =
  (id: string): Row =>
  (sql) =>
    sql`select id from accounts where id = ${id} for no key update skip locked`
const payment =
  (id: string): Row =>
  (sql) =>
    sql`select id from payments where id = ${id} for no key update skip locked`
const attempt =
  (of: string): Row =>
  (sql) =>
    sql`select no from attempts where payment = ${of} for no key update skip locked`
const feed =
  (name: string): Row =>
  (sql) =>
    sql`select seq from feed_heads where feed = ${name} for no key update skip locked`

/** Whether nobody has it at this moment. */
const isFree = async (row: Row): Promise<boolean> => (await row(books.owner)).length === 1

async function untilWaiting(calls: number): Promise<void> {
  const waiting = () => books.hub`
    select from pg_stat_activity
    where wait_event_type = 'Lock' and usename = current_user and datname = current_database()`
  await expect.poll(async () => (await waiting()).length).toBe(calls)
}

/** Sends the units while another has what `lock` takes, and does `meanwhile` once they wait for it; then it is let go. */
async function sentAgainst(
  lock: Lock,
  units: readonly Unit[],
  meanwhile: () => Promise<void> = async () => {},
): Promise<UnitResult[]> {
  const sent: Promise<UnitResult[]>[] = []
  await books.owner.begin(async (tx) => {
    await lock(tx)
    sent.push(applied(units))
    await untilWaiting(1)
    await meanwhile()
  })
  return (await Promise.all(sent)).flat()
}

async function born(): Promise<string> {
  const made = paymentColumns(books.book)
  const new_attempt = attemptColumns(books.book, made.id, 'prepared')
  expect(await books.apply([], { ok: { new_payment: made, new_attempt } })).toEqual(OK)
  return made.id
}

const told = (to: string) => ({ id: ids.make('evt'), feed: to, name: 'source.updated' as const, body: {} })

async function openFeed(): Promise<string> {
  const name = ids.make('usr')
  expect(await books.apply([], { ok: { events: [told(name)] } })).toEqual(OK)
  return name
}

describe('rows are locked in one order, whatever the order they are named in:', () => {
  const pairOf = async (make: () => Promise<string>): Promise<[low: string, high: string]> => {
    const [low = '', high = ''] = [await make(), await make()].toSorted()
    return [low, high]
  }
  const stillAt = (id: string): Rest => ({ guard: { payment: { id, version: 1 } }, ok: {} })
  const stillPrepared = (of: string): Rest => ({
    guard: { attempt: { payment: of, no: 1, states: ['prepared'] } },
    ok: {},
  })

  test('accounts by id', async () => {
    const [low, high] = await pairOf(() => books.wallet(5))
    const units = [unit({ transfers: [books.post(high, low, 1)], ok: {} })]
    const results = await sentAgainst(account(low), units, async () => expect(await isFree(account(high))).toBe(true))
    expect(results).toEqual([OK])
  })

  test('payments by id', async () => {
    const [low, high] = await pairOf(born)
    const units = [unit(stillAt(high)), unit(stillAt(low))]
    const results = await sentAgainst(payment(low), units, async () => expect(await isFree(payment(high))).toBe(true))
    expect(results).toEqual([OK, OK])
  })

  test('attempts by payment', async () => {
    const [low, high] = await pairOf(born)
    const units = [unit(stillPrepared(high)), unit(stillPrepared(low))]
    const results = await sentAgainst(attempt(low), units, async () => expect(await isFree(attempt(high))).toBe(true))
    expect(results).toEqual([OK, OK])
  })

  test('feeds by name', async () => {
    const [low, high] = await pairOf(openFeed)
    const units = [unit({ ok: { events: [told(high), told(low)] } })]
    const results = await sentAgainst(feed(low), units, async () => expect(await isFree(feed(high))).toBe(true))
    expect(results).toEqual([OK])
  })

  test.each([0, 1, 2, 3])(
    'accounts, payments, attempts, feeds; who waits at number %i has those before it',
    async (n) => {
      const [wallet, paid, name] = [await books.wallet(5), await born(), await openFeed()]
      const rows = [account(wallet), payment(paid), attempt(paid), feed(name)]
      const guard = { ...stillAt(paid).guard, ...stillPrepared(paid).guard }
      const units = [
        unit({ guard, transfers: [books.post(wallet, await books.merchant(), 1)], ok: { events: [told(name)] } }),
      ]
      const results = await sentAgainst(rows[n] ?? feed(name), units, async () => {
        const free = await Promise.all(rows.map(isFree))
        expect(free).toEqual(rows.map((_, i) => i > n))
      })
      expect(results).toEqual([OK])
    },
  )
})

describe('what a call waited for is read as it is then:', () => {
  test('money that another took is not spent again', async () => {
    const [wallet, to] = [await books.wallet(10), await books.merchant()]
    const take: Lock = (sql) => sql`update accounts set debits_posted = 10 where id = ${wallet}`
    const results = await sentAgainst(take, [unit({ transfers: [books.post(wallet, to, 10)], ok: {} })])
    expect(results).toEqual([{ code: 'refused', transfer: 'exceeds_credits', leg: 0 }])
  })

  test('a payment that another moved is not moved from where it was', async () => {
    const id = await born()
    const move: Lock = (sql) => sql`update payments set version = 2, status = 'canceled' where id = ${id}`
    const mine = unit({ guard: { payment: { id, version: 1 } }, ok: { payment: { version: 2, status: 'expired' } } })
    expect(await sentAgainst(move, [mine])).toEqual([{ code: 'guard_failed' }])
  })

  test('an attempt that another settled is not dispatched', async () => {
    const id = await born()
    const settle: Lock = (sql) => sql`update attempts set state = 'settled' where payment = ${id}`
    const guard = { attempt: { payment: id, no: 1, states: ['prepared'] } }
    const mine = unit({ guard, ok: { attempt: { state: 'dispatched' } } })
    expect(await sentAgainst(settle, [mine])).toEqual([{ code: 'guard_failed' }])
  })

  test('a hold that another placed meanwhile, also on accounts the call has not locked, is ended', async () => {
    const [from, to, name] = [await books.wallet(10), await books.merchant(), await openFeed()]
    const [cash = ''] = await books.open(cashAccount('bank', 'trust'))
    const hold = books.reserve(from, to, 10)
    const ended: Promise<UnitResult>[] = []
    const placed = await sentAgainst(
      feed(name),
      [unit({ transfers: [hold], ok: { events: [told(name)] } })],
      async () => {
        // It names one of the hold's accounts: there it waits, and has looked for the hold before.
        ended.push(
          oneCall().apply(unit({ transfers: [books.post(cash, from, 1), books.end('confirm', hold.id)], ok: {} })),
        )
        await untilWaiting(2)
      },
    )
    expect(placed).toEqual([OK])
    expect(await Promise.all(ended)).toEqual([OK])
    expect(await books.balance(to)).toEqual({ posted: 10n, out: 0n, in: 0n })
  })
})

describe('what is another’s this very moment is not waited for:', () => {
  const expires_at = AHEAD
  const jti = { device: 'dev_locks', jti: ids.uuid(), expires_at }
  const key = { scope: 'usr_locks', key: ids.uuid(), hash: 'h' }
  const reply = { ok: true as const, body: '1' }
  test.each<[what: string, make: () => Rest, now: string, later: object]>([
    ['a key', () => ({ key, ok: { reply } }), 'in_flight', { code: 'replayed', reply }],
    ['a jti', () => ({ jti, ok: {} }), 'busy', { code: 'jti_used' }],
    [
      'an order reference',
      () => ({ ok: { new_payment: paymentColumns(books.book, { order_ref: 'order-locks' }) } }),
      'busy',
      { code: 'conflict' },
    ],
    ['a bank account', () => ({ ok: { source: sourceColumns({ account: 'KE88' }) } }), 'busy', { code: 'conflict' }],
  ])('%s', async (_what, make, now, later) => {
    const name = await openFeed()
    const first = unit(make())
    const events = [told(name)]
    const results = await sentAgainst(feed(name), [{ ...first, ok: { ...first.ok, events } }], async () => {
      expect(await applied([unit(make())])).toEqual([{ code: now }])
    })
    expect(results).toEqual([OK])
    expect(await applied([unit(make())])).toEqual([later])
  })
})
