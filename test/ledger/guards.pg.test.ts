import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cashAccount } from '../../src/domain/accounting/index.ts'
import { type Unit, type UnitResult, makeLedger } from '../../src/ledger/index.ts'
import type { StoredReply } from '../../src/ledger/unit.ts'
import { type Books, ids, log, openBooks } from './support/books.ts'
import { AHEAD, PAST, attemptColumns, paymentColumns, sourceColumns } from './support/payment-rows.ts'

/** What a unit asks of the world before anything moves, and what else happens with its transfers; each by itself. */
let books: Books
beforeAll(async () => {
  books = await openBooks()
})
afterAll(() => books.close())

const OK = { code: 'ok' }
const guardFailed = { code: 'guard_failed' }

/** As one call, in order. */
async function inOneBatch(...units: Unit[]): Promise<UnitResult[]> {
  const one = makeLedger({ sql: books.hub, log, limits: { connections: 1 } })
  const results = await Promise.all(units.map((unit) => one.apply(unit)))
  expect(one.stats().batches).toBe(1)
  return results
}

const apply = (unit: Omit<Unit, 'id'>): Promise<UnitResult> => books.ledger.apply({ id: ids.uuid(), ...unit })
const unit = (rest: Omit<Unit, 'id'>): Unit => ({ id: ids.uuid(), ...rest })

const payment = (more: Record<string, string | number> = {}) => paymentColumns(books.book, more)

async function born(more: Record<string, string | number> = {}) {
  const made = payment(more)
  expect(await apply({ ok: { new_payment: made } })).toEqual(OK)
  return made
}

const attempt = (of: { id: string }, state: string) => attemptColumns(books.book, of.id, state)

describe('a guard', () => {
  const to = (version: number) => ({ payment: { version: version + 1 } })
  const at = (id: string, version: number, more: object = {}) => ({ guard: { payment: { id, version, ...more } } })

  test('asks for the payment’s version, and two of one batch do not both have it', async () => {
    const { id } = await born()
    expect(await apply({ ...at(id, 2), ok: to(2) })).toEqual(guardFailed)
    expect(await apply({ ...at('pay_nobody', 1), ok: {} })).toEqual(guardFailed)
    const results = await inOneBatch(unit({ ...at(id, 1), ok: to(1) }), unit({ ...at(id, 1), ok: to(1) }))
    expect(results).toEqual([OK, guardFailed])
    expect(await apply({ ...at(id, 2), ok: to(2) })).toEqual(OK)
  })

  test.each([
    ['unexpired', 'expires_at'],
    ['before_start_by', 'start_by'],
  ])('may ask for a payment that is %s', async (flag, column) => {
    const late = await born({ [column]: PAST })
    const early = await born({ [column]: AHEAD })
    expect(await apply({ ...at(late.id, 1, { [flag]: true }), ok: {} })).toEqual(guardFailed)
    expect(await apply({ ...at(early.id, 1, { [flag]: true }), ok: {} })).toEqual(OK)
    expect(await apply({ ...at(late.id, 1), ok: {} })).toEqual(OK)
  })

  test('asks also what the same batch made and changed', async () => {
    const made = payment({ expires_at: PAST, start_by: PAST })
    const tried = attempt(made, 'prepared')
    const token = ids.uuid()
    const asks = (states: string[], dispatch: string) => ({
      guard: { attempt: { payment: made.id, no: 1, states, token: dispatch } },
      ok: {},
    })
    const results = await inOneBatch(
      unit({ ok: { new_payment: made, new_attempt: tried } }),
      unit({ ...at(made.id, 2), ok: {} }),
      unit({ ...at(made.id, 1, { unexpired: true }), ok: {} }),
      unit({ ...at(made.id, 1, { before_start_by: true }), ok: {} }),
      unit({ ...at(made.id, 1), ok: { payment: { start_by: AHEAD } } }),
      unit({ ...at(made.id, 1, { before_start_by: true }), ok: {} }),
      unit(asks(['prepared'], token)),
      unit({ ...asks(['prepared'], tried.dispatch_token), ok: { attempt: { dispatch_token: token } } }),
      unit(asks(['prepared'], tried.dispatch_token)),
      unit(asks(['prepared'], token)),
    )
    const passed = [true, false, false, false, true, true, false, true, false, true]
    expect(results).toEqual(passed.map((it) => (it ? OK : guardFailed)))
  })

  test('asks for the attempt’s state and token, also of one that the same batch changed', async () => {
    const made = attempt(await born(), 'prepared')
    const asks = (states: string[], token?: string) => ({
      guard: { attempt: { payment: made.payment, no: 1, states, ...(token === undefined ? {} : { token }) } },
    })
    expect(await apply({ ...asks(['prepared']), ok: {} })).toEqual(guardFailed)
    expect(await apply({ ok: { new_attempt: made } })).toEqual(OK)
    expect(await apply({ ...asks(['dispatched', 'unknown']), ok: {} })).toEqual(guardFailed)
    expect(await apply({ ...asks(['prepared'], ids.uuid()), ok: {} })).toEqual(guardFailed)
    const dispatch = () =>
      unit({ ...asks(['prepared'], made.dispatch_token), ok: { attempt: { state: 'dispatched' } } })
    expect(await inOneBatch(dispatch(), dispatch())).toEqual([OK, guardFailed])
  })

  test('that fails moves nothing and remembers nothing', async () => {
    const { id } = await born()
    const [from, other] = [await books.wallet(10), await books.merchant()]
    const spend = unit({ ...at(id, 2), transfers: [books.post(from, other, 10)], ok: to(2) })
    expect(await books.ledger.apply(spend)).toEqual(guardFailed)
    expect(await books.balance(from)).toMatchObject({ posted: 10n })
    expect(await apply({ ...at(id, 1), ok: to(1) })).toEqual(OK)
    expect(await books.ledger.apply(spend)).toEqual(OK)
  })
})

describe('a key', () => {
  const reply = (n: number): StoredReply => ({ ok: true, body: String(n) })
  const under = (key: string, n: number, hash = 'h', more: Partial<Unit> = {}) =>
    unit({ key: { scope: 'usr_guards', key, hash }, ok: { reply: reply(n) }, ...more })
  const lease = (key: string, until: string) => books.owner`
    insert into idempotency (scope, key, content_hash, lease_until) values ('usr_guards', ${key}, 'h', ${until})`

  test('is answered with its first reply, in the same batch and later, and for the same content only', async () => {
    const replayed = { code: 'replayed', reply: reply(1) }
    expect(await inOneBatch(under('a', 1), under('a', 2))).toEqual([OK, replayed])
    expect(await books.ledger.apply(under('a', 3))).toEqual(replayed)
    expect(await books.ledger.apply(under('a', 3, 'other'))).toEqual({ code: 'key_reused' })
  })

  test('whose command is running is in flight, but for the unit that completes it', async () => {
    await lease('b', AHEAD)
    expect(await books.ledger.apply(under('b', 1))).toEqual({ code: 'in_flight' })
    const key = { scope: 'usr_guards', key: 'b', hash: 'h', complete: true as const }
    expect(await apply({ key, ok: { reply: reply(1) } })).toEqual(OK)
    expect(await books.ledger.apply(under('b', 2))).toEqual({ code: 'replayed', reply: reply(1) })
  })

  test('whose lease is past belongs to nobody', async () => {
    await lease('c', PAST)
    expect(await books.ledger.apply(under('c', 1))).toEqual(OK)
  })

  test('of a command that was refused has the reply for that reason', async () => {
    const [empty, other] = [await books.wallet(0), await books.merchant()]
    const refused = { replies: { exceeds_credits: reply(2), account_frozen: reply(3) }, reply: reply(4) }
    const spend = () => ({ transfers: [books.post(empty, other, 1)], refused })
    expect(await books.ledger.apply(under('d', 1, 'h', spend()))).toMatchObject({ code: 'refused' })
    expect(await books.ledger.apply(under('d', 1, 'h', spend()))).toEqual({ code: 'replayed', reply: reply(2) })
  })
})

describe('what there is once', () => {
  test('a jti is used once, by what was not refused, in one batch and later', async () => {
    const [empty, other] = [await books.wallet(0), await books.merchant()]
    const jti = { device: 'dev_guards', jti: ids.uuid(), expires_at: AHEAD }
    expect(await apply({ jti, transfers: [books.post(empty, other, 1)], ok: {} })).toMatchObject({ code: 'refused' })
    expect(await inOneBatch(unit({ jti, ok: {} }), unit({ jti, ok: {} }))).toEqual([OK, { code: 'jti_used' }])
    expect(await apply({ jti, ok: {} })).toEqual({ code: 'jti_used' })
    expect(await apply({ jti: { ...jti, device: 'dev_other' }, ok: {} })).toEqual(OK)
  })

  test('a payment is made once, in one batch and later', async () => {
    const made = payment()
    const again = unit({ ok: { new_payment: { ...made, amount: '200' } } })
    expect(await inOneBatch(unit({ ok: { new_payment: made } }), again)).toEqual([OK, { code: 'conflict' }])
    expect(await apply({ ok: { new_payment: made } })).toEqual({ code: 'conflict' })
  })

  test('a merchant has one open payment of an order, in one batch and later', async () => {
    const order = () => payment({ order_ref: 'order-1' })
    const [first, second] = [order(), order()]
    expect(await inOneBatch(unit({ ok: { new_payment: first } }), unit({ ok: { new_payment: second } }))).toEqual([
      OK,
      { code: 'conflict' },
    ])
    for (const status of ['requires_confirmation', 'requires_action', 'processing', 'requires_capture']) {
      await books.owner`update payments set status = ${status} where id = ${first.id}`
      expect(await apply({ ok: { new_payment: order() } })).toEqual({ code: 'conflict' })
    }
    expect(await apply({ ok: { new_payment: payment({ order_ref: 'order-2' }) } })).toEqual(OK)
    expect(await apply({ ok: { new_payment: { ...order(), merchant: 'mer_other' } } })).toEqual(OK)
    await books.owner`update payments set status = 'canceled' where id = ${first.id}`
    expect(await apply({ ok: { new_payment: order() } })).toEqual(OK)
  })

  test('a bank account is linked once, in one batch and later', async () => {
    const first = sourceColumns()
    const results = await inOneBatch(unit({ ok: { source: first } }), unit({ ok: { source: sourceColumns() } }))
    expect(results).toEqual([OK, { code: 'conflict' }])
    expect(await apply({ ok: { source: sourceColumns() } })).toEqual({ code: 'conflict' })
    expect(await apply({ ok: { source: sourceColumns({ id: first.id, account: 'KE78' }) } })).toEqual({
      code: 'conflict',
    })
    for (const other of [{ account: 'KE78' }, { bank: 'other-bank' }, { user_id: 'usr_other' }]) {
      expect(await apply({ ok: { source: sourceColumns(other) } })).toEqual(OK)
    }
    await books.owner`update sources set status = 'revoked' where id = ${first.id}`
    expect(await apply({ ok: { source: sourceColumns() } })).toEqual(OK)
  })
})

describe('a branch', () => {
  test('is the one of what became of the transfers', async () => {
    const [from, other] = [await books.wallet(10), await books.merchant()]
    const feed = ids.make('usr')
    const told = (n: number) => ({
      events: [{ id: ids.make('evt'), feed, name: 'source.updated' as const, body: { n } }],
    })
    const spend = (amount: number) => ({ transfers: [books.post(from, other, amount)], ok: told(1), refused: told(2) })
    expect(await apply(spend(11))).toMatchObject({ code: 'refused' })
    expect(await apply(spend(10))).toEqual(OK)
    const rows = await books.owner`select seq, body from outbox where feed = ${feed} order by seq`
    expect([...rows]).toEqual([
      { seq: 1n, body: { n: 2 } },
      { seq: 2n, body: { n: 1 } },
    ])
  })

  test('tells a balance as it is after the unit, less what is held', async () => {
    const [cash = ''] = await books.open(cashAccount('bank', 'trust'))
    const [account, other] = [await books.wallet(100), await books.merchant()]
    const feed = ids.make('usr')
    const balance = { ledger: books.book, account, currency: 'KES' }
    const events = () => [{ id: ids.make('evt'), feed, name: 'balance.updated' as const, balance }]
    const results = await inOneBatch(
      unit({ transfers: [books.reserve(account, other, 30)], ok: { events: events() } }),
      unit({ transfers: [books.reserve(cash, account, 5)], ok: { events: events() } }),
      unit({ transfers: [books.post(account, other, 20)], ok: { events: events() } }),
    )
    expect(results).toEqual([OK, OK, OK])
    const rows = await books.owner<{ body: unknown }[]>`select body from outbox where feed = ${feed} order by seq`
    expect(rows.map(({ body }) => body)).toEqual([
      { currency: 'KES', available: '70', pending: '0' },
      { currency: 'KES', available: '70', pending: '5' },
      { currency: 'KES', available: '50', pending: '5' },
    ])
  })

  test('of a unit with an event about an account that does not exist raises, and changes nothing', async () => {
    const feed = ids.make('usr')
    const balance = { ledger: books.book, account: ids.uuid(), currency: 'KES' }
    const events = [{ id: ids.make('evt'), feed, name: 'balance.updated' as const, balance }]
    await expect(apply({ ok: { events } })).rejects.toThrow('raised')
    expect(await books.owner`select from feed_heads where feed = ${feed}`).toHaveLength(0)
  })
})

test('a unit that was answered is answered so again, and for the same content only', async () => {
  const [empty, other] = [await books.wallet(0), await books.merchant()]
  const feed = ids.make('usr')
  const events = [{ id: ids.make('evt'), feed, name: 'source.updated' as const, body: {} }]
  const spend = unit({ transfers: [books.post(empty, other, 1)], ok: {}, refused: { events } })
  const refused = { code: 'refused', transfer: 'exceeds_credits', leg: 0 }
  expect(await inOneBatch(spend, spend)).toEqual([refused, refused])
  expect(await books.ledger.apply(spend)).toEqual(refused)
  expect(await books.ledger.apply({ ...spend, refused: {} })).toEqual({ code: 'unit_differs' })
  expect(await books.owner`select from outbox where feed = ${feed}`).toHaveLength(1)
})
