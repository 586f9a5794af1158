import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { COLUMNS, type Columns } from '../../src/ledger/columns.ts'
import { type Unit, makeLedger } from '../../src/ledger/index.ts'
import { type Books, ids, log, openBooks } from './support/books.ts'

/** What a unit says of payments, attempts and sources is written, all of it, or the unit is refused. */
let books: Books
beforeAll(async () => {
  books = await openBooks()
})
afterAll(() => books.close())

const EARLY = '2026-11-23T12:00:00.000Z'
const LATE = '2026-11-24T12:00:00.000Z'
const OK = { code: 'ok' }

type Sample<Row extends keyof typeof COLUMNS> = Required<Columns<Row>>

/** Of every column a value that is none's default and that every CHECK takes beside the others. */
function payment(): Sample<'new_payment'> & { id: string } {
  return {
    id: ids.make('pay'),
    ledger: books.book,
    kind: 'purchase',
    status: 'processing',
    status_reason: 'awaiting_rail',
    version: 3,
    amount: '1000',
    currency: 'KES',
    fee: '10',
    fee_plan: 'fpl_columns',
    payer_fee: '5',
    captured_amount: '900',
    refund_reserved: '300',
    refunded_amount: '200',
    capture_requested: '900',
    cancel_requested_at: EARLY,
    next_action: null,
    recovery: { kind: 'returned', amount: '1', state: 'open' },
    dispute: { state: 'opened' },
    payer: 'usr_columns',
    payee: 'mer_columns',
    payee_name: 'Columns',
    merchant: 'mer_columns',
    store: 'str_columns',
    source_type: 'bank',
    source_id: 'src_columns',
    source_label: 'Bank',
    capture_method: 'manual',
    order_ref: ids.uuid(),
    description: 'what for',
    failure_code: 'declined_by_rail',
    failure_message: 'no',
    metadata: { a: 'b' },
    qr_token: 'token',
    created_at: EARLY,
    updated_at: EARLY,
    expires_at: EARLY,
    accepted_at: EARLY,
    start_by: EARLY,
    started_at: EARLY,
  }
}

/** The same for a change of it. */
const CHANGED: Sample<'payment'> = {
  status: 'failed',
  status_reason: null,
  version: 4,
  fee: '11',
  captured_amount: '1000',
  refund_reserved: '301',
  refunded_amount: '201',
  capture_requested: '901',
  cancel_requested_at: LATE,
  next_action: null,
  recovery: { kind: 'returned', amount: '2', state: 'absorbed' },
  dispute: { state: 'won' },
  payer: 'usr_other',
  payer_fee: '6',
  source_type: 'wallet',
  source_id: 'wallet',
  source_label: 'Wallet',
  failure_code: 'insufficient_funds',
  failure_message: 'none',
  updated_at: LATE,
  expires_at: LATE,
  accepted_at: LATE,
  start_by: LATE,
  started_at: LATE,
}

function attempt(of: string): Sample<'new_attempt'> & { payment: string } {
  return {
    payment: of,
    no: 2,
    ledger: books.book,
    rail: 'bank',
    operation: 'payOut',
    reference: ids.uuid(),
    uetr: ids.uuid(),
    amount: '1000',
    currency: 'KES',
    account: 'KE00',
    account_holder: 'A',
    mandate_id: 'mandate',
    mandate_signed_on: '2026-01-01',
    description: 'x',
    merchant: 'mer_columns',
    merchant_name: 'Columns',
    original: null,
    step: 'prepare',
    state: 'dispatched',
    asks: 'code',
    input: '123',
    memo: { a: 'b' },
    dispatch_token: ids.uuid(),
    dispatched_at: EARLY,
    sends: 1,
    inquiries: 1,
    next_look_at: EARLY,
    failure_code: 'a',
    failure_message: 'b',
    evidence: { status: 'a' },
    rail_reference: 'r1',
    updated_at: EARLY,
  }
}

const CHANGED_ATTEMPT: Sample<'attempt'> = {
  step: 'confirm',
  asks: null,
  input: null,
  memo: { a: 'c' },
  state: 'settled',
  dispatch_token: '019ab000-0000-7000-8000-000000000000',
  dispatched_at: LATE,
  sends: 2,
  inquiries: 2,
  next_look_at: null,
  failure_code: 'c',
  failure_message: 'd',
  evidence: { status: 'b' },
  rail_reference: 'r2',
  updated_at: LATE,
}

function source(): Sample<'source'> & { id: string } {
  return {
    id: ids.make('src'),
    user_id: 'usr_columns',
    type: 'bank',
    rail: 'bank',
    bank: 'demo-bank',
    account: ids.uuid(),
    holder: 'A',
    currency: 'KES',
    label: 'x',
    status: 'requires_action',
    mandate_id: 'mandate',
    mandate_signed_on: '2026-01-01',
    mandate_reference: 'ref',
    inquiries: 1,
    next_look_at: LATE,
    created_at: EARLY,
  }
}

/** Whole rows under the lock of their payment. */
function refund(of: string): Sample<'refund'> & { id: string } {
  return {
    id: ids.make('rfd'),
    ledger: books.book,
    payment: of,
    merchant: 'mer_columns',
    amount: '100',
    currency: 'KES',
    fee: '2',
    fee_tax: '1',
    reason: 'why',
    status: 'processing',
    status_reason: 'awaiting_rail',
    version: 1,
    failure_code: null,
    failure_message: null,
    created_at: EARLY,
    updated_at: EARLY,
  }
}

const REFUND_ENDED = {
  status: 'failed',
  status_reason: null,
  version: 3,
  failure_code: 'declined_by_rail',
  failure_message: 'no',
  updated_at: LATE,
}

const returnOf = (of: string): Sample<'return'> & { evidence_id: string } => ({
  rail: 'bank',
  evidence_id: ids.uuid(),
  payment: of,
  no: 1,
  ledger: books.book,
  amount: '7',
  reason: 'MD06',
  at: EARLY,
})

const apply = (unit: Omit<Unit, 'id'>) => books.ledger.apply({ id: ids.uuid(), ...unit })

/** As JSON gives it back, amounts as text. */
function plain(row: Record<string, unknown> | undefined): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row ?? {}).map(([name, value]) => [
      name,
      typeof value === 'bigint' ? String(value) : value instanceof Date ? value.toISOString() : value,
    ]),
  )
}

const paymentOf = async (id: unknown) => {
  const [row] = await books.owner`select * from payments where id = ${String(id)}`
  return plain(row)
}
const attemptOf = async (id: unknown) => {
  const [row] = await books.owner`select * from attempts where payment = ${String(id)}`
  return plain(row)
}

describe('of a row that is born', () => {
  test('every column is written, and the tables have no others', async () => {
    const [made, linked] = [payment(), source()]
    const tried = attempt(made.id)
    expect(await apply({ ok: { new_payment: made, new_attempt: tried, source: linked } })).toEqual(OK)
    expect(await paymentOf(made.id)).toEqual(made)
    expect(await attemptOf(made.id)).toEqual(tried)
    const [row] = await books.owner`select * from sources where id = ${linked.id}`
    expect(plain(row)).toEqual(linked)
  })
})

test('a linked account changes as a whole, once, by who finds it as it was', async () => {
  const made = source()
  expect(await apply({ ok: { source: made } })).toEqual(OK)
  const active = {
    status: 'active',
    mandate_id: 'm2',
    mandate_signed_on: '2026-02-02',
    inquiries: 2,
    next_look_at: null,
  }
  const change = (status: string): Unit => ({
    id: ids.uuid(),
    guard: { source: { id: made.id, states: ['requires_action'] } },
    ok: { source_change: { ...active, status } },
  })
  const others = makeLedger({ sql: books.hub, log, limits: { connections: 3 } })
  const results = await Promise.all(Array.from({ length: 30 }, () => others.apply(change('active'))))
  expect(results.filter(({ code }) => code === 'ok')).toHaveLength(1)
  expect(new Set(results.map(({ code }) => code)).difference(new Set(['ok', 'busy', 'guard_failed'])).size).toBe(0)
  const [row] = await books.owner`select * from sources where id = ${made.id}`
  expect(plain(row)).toEqual({ ...made, ...active })
  expect(await others.apply(change('revoked'))).toEqual({ code: 'guard_failed' })
})

test('a device changes once, by who finds it as it was', async () => {
  const user = ids.make('usr')
  const [device, other] = [ids.make('dev'), ids.make('dev')]
  await books.owner`insert into users (id, phone) values (${user}, ${user})`
  for (const id of [device, other]) {
    await books.owner`
      insert into devices (id, user_id, name, public_key, jkt, status, restricted_until)
      values (${id}, ${user}, 'x', '{}', ${id}, 'restricted', ${LATE})`
  }
  const change = (): Unit => ({
    id: ids.uuid(),
    guard: { device: { id: device, states: ['restricted'] } },
    ok: { device_change: { status: 'active', restricted_until: null } },
  })
  const others = makeLedger({ sql: books.hub, log, limits: { connections: 3 } })
  const results = await Promise.all(Array.from({ length: 30 }, () => others.apply(change())))
  expect(results.filter(({ code }) => code === 'ok')).toHaveLength(1)
  expect(new Set(results.map(({ code }) => code)).difference(new Set(['ok', 'busy', 'guard_failed'])).size).toBe(0)
  expect(await others.apply(change())).toEqual({ code: 'guard_failed' })
  const rows = await books.owner<{ id: string; status: string; free: boolean }[]>`
    select id, status, restricted_until is null as free from devices where user_id = ${user} order by id`
  expect(rows.map(({ id, status, free }) => [id, status, free])).toEqual(
    [
      [device, 'active', true],
      [other, 'restricted', false],
    ].toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
  )
})

test('a PIN is set once by who knows which one it follows, and guesses are forgotten with it', async () => {
  const user = ids.make('usr')
  await books.owner`insert into users (id, phone) values (${user}, ${user})`
  const set = (after: number, secret: string): Unit => ({
    id: ids.uuid(),
    guard: { pin: { user, version: after } },
    ok: { pin: { secret, version: after + 1 } },
  })
  const others = makeLedger({ sql: books.hub, log, limits: { connections: 3 } })
  const first = await Promise.all(Array.from({ length: 30 }, () => others.apply(set(0, 'first'))))
  expect(first.filter(({ code }) => code === 'ok')).toHaveLength(1)
  expect(new Set(first.map(({ code }) => code)).difference(new Set(['ok', 'busy', 'guard_failed'])).size).toBe(0)
  await books.owner`update pins set failures = 7, locked_until = ${LATE} where user_id = ${user}`
  expect(await others.apply(set(2, 'skips one'))).toEqual({ code: 'guard_failed' })
  expect(await others.apply(set(1, 'second'))).toEqual(OK)
  const [row] =
    await books.owner`select user_id, secret, version, failures, locked_until from pins where user_id = ${user}`
  expect(plain(row)).toEqual({ user_id: user, secret: 'second', version: 2, failures: 0, locked_until: null })
})

test('what makes a device’s codes is a whole row, changed by who finds it as it was; a number is one device’s', async () => {
  const [device, other] = [ids.make('dev'), ids.make('dev')]
  const sample = (number: string, version: number): Sample<'code'> => ({
    user_id: 'usr_columns',
    number,
    sealed: 'key.sealed',
    version,
    registered_at: EARLY,
    untouched_count: 2,
    untouched_minor: '30',
    untouched_at: EARLY,
  })
  const of = (whose: string, version: number, code: Sample<'code'>): Unit => ({
    id: ids.uuid(),
    guard: { code: { device: whose, version } },
    ok: { code },
  })
  const rowOf = async (whose: string) => {
    const [row] = await books.owner`select * from codes where device = ${whose}`
    return plain(row)
  }
  const first = sample('000000001', 1)
  expect(await books.ledger.apply(of(device, 1, first))).toEqual({ code: 'guard_failed' })
  expect(await books.ledger.apply(of(device, 0, first))).toEqual(OK)
  expect(await rowOf(device)).toEqual({ device, ...first, touched_at: null })
  expect(await books.ledger.apply(of(other, 0, first))).toEqual({ code: 'conflict' })

  // When a payment was signed stays, and asks for no version of its own.
  await books.hub`update codes set touched_at = ${LATE} where device = ${device}`
  const second: Sample<'code'> = {
    user_id: 'usr_other',
    number: '000000002',
    sealed: 'key.other',
    version: 2,
    registered_at: LATE,
    untouched_count: 3,
    untouched_minor: '31',
    untouched_at: LATE,
  }
  const one = makeLedger({ sql: books.hub, log, limits: { connections: 1 } })
  const results = await Promise.all([
    one.apply(of(device, 1, second)),
    one.apply(of(device, 1, { ...second, number: '000000003' })),
    one.apply(of(other, 0, { ...second, version: 1 })),
  ])
  expect(one.stats().batches).toBe(1)
  expect(results).toEqual([OK, { code: 'busy' }, { code: 'conflict' }])
  expect(await rowOf(device)).toEqual({ device, ...second, touched_at: LATE })
  // The number that it gave up may be another's.
  expect(await books.ledger.apply(of(other, 0, first))).toEqual(OK)

  const others = makeLedger({ sql: books.hub, log, limits: { connections: 3 } })
  const third = { ...second, version: 3 }
  const raced = await Promise.all(Array.from({ length: 30 }, () => others.apply(of(device, 2, third))))
  expect(raced.filter(({ code }) => code === 'ok')).toHaveLength(1)
  expect(new Set(raced.map(({ code }) => code)).difference(new Set(['ok', 'busy', 'guard_failed'])).size).toBe(0)
})

test('a refund and a return are whole rows; of several changes of one refund in a batch the last one stays', async () => {
  const made = { ...payment(), status_reason: null }
  expect(await apply({ ok: { new_payment: made } })).toEqual(OK)
  const [given, back] = [refund(made.id), returnOf(made.id)]
  const at = (version: number, ok: Unit['ok']): Unit => ({
    id: ids.uuid(),
    guard: { payment: { id: made.id, version } },
    ok: { ...ok, payment: { version: version + 1 } },
  })
  expect(await apply(at(3, { refund: given }))).toEqual(OK)
  const [row] = await books.owner`select * from refunds where id = ${given.id}`
  expect(plain(row)).toEqual(given)

  const one = makeLedger({ sql: books.hub, log, limits: { connections: 1 } })
  const results = await Promise.all([
    one.apply(at(4, { refund: { ...given, version: 2, status_reason: null } })),
    one.apply(at(5, { refund: { ...given, ...REFUND_ENDED }, return: back })),
    one.apply(at(4, { refund: { ...given, version: 9 } })),
  ])
  expect(one.stats().batches).toBe(1)
  expect(results).toEqual([OK, OK, { code: 'guard_failed' }])
  const [after] = await books.owner`select * from refunds where id = ${given.id}`
  expect(plain(after)).toEqual({ ...given, ...REFUND_ENDED })
  const [returned] = await books.owner`select * from returns where payment = ${made.id}`
  expect(plain(returned)).toEqual(back)
})

test('a call that another follows is kept as it ended', async () => {
  const made = attempt(ids.make('pay'))
  expect(await apply({ ok: { new_attempt: made } })).toEqual(OK)
  const guard = (state: string) => ({ attempt: { payment: made.payment, no: 2, states: [state] } })
  const calls = async () => {
    const rows = await books.owner`
      select call, step, state, sends, evidence from attempt_calls where payment = ${made.payment} order by call`
    return [...rows]
  }
  expect(await apply({ guard: guard('dispatched'), ok: { attempt: { state: 'settled' } } })).toEqual(OK)
  expect(await calls()).toEqual([])
  expect(await apply({ guard: guard('settled'), ok: { attempt: { step: 'confirm', state: 'dispatched' } } })).toEqual(
    OK,
  )
  expect(await apply({ guard: guard('dispatched'), ok: { attempt: { step: 'cancel' } } })).toEqual(OK)
  expect(await calls()).toEqual([
    { call: 1, step: 'prepare', state: 'settled', sends: 1, evidence: { status: 'a' } },
    { call: 2, step: 'confirm', state: 'dispatched', sends: 1, evidence: { status: 'a' } },
  ])
})

describe('of a row that is there', () => {
  test.each(COLUMNS.payment)('a payment’s %s changes alone', async (column) => {
    const made = { ...payment(), status: 'processing', status_reason: null }
    expect(await apply({ ok: { new_payment: made } })).toEqual(OK)
    // One of the two implies the other.
    const change = column === 'status_reason' ? { status_reason: 'needs_operator' } : { [column]: CHANGED[column] }
    const guard = { payment: { id: made.id, version: 3 } }
    expect(await apply({ guard, ok: { payment: change } })).toEqual(OK)
    expect(await paymentOf(made.id)).toEqual({ ...made, ...change })
  })

  test.each(COLUMNS.attempt)('an attempt’s %s changes alone', async (column) => {
    const made = attempt(ids.make('pay'))
    expect(await apply({ ok: { new_attempt: made } })).toEqual(OK)
    const change = { [column]: CHANGED_ATTEMPT[column] }
    const guard = { attempt: { payment: made.payment, no: 2, states: ['dispatched'] } }
    expect(await apply({ guard, ok: { attempt: change } })).toEqual(OK)
    expect(await attemptOf(made.payment)).toEqual({ ...made, ...change })
  })

  test('a later unit of the same batch goes by the new times', async () => {
    const made = { ...payment(), status_reason: null, expires_at: '2100-01-01T00:00:00.000Z' }
    expect(await apply({ ok: { new_payment: made } })).toEqual(OK)
    const one = makeLedger({ sql: books.hub, log, limits: { connections: 1 } })
    const at = (version: number) => ({ payment: { id: made.id, version, unexpired: true as const } })
    const results = await Promise.all([
      one.apply({ id: ids.uuid(), guard: at(3), ok: { payment: { version: 4, expires_at: EARLY } } }),
      one.apply({ id: ids.uuid(), guard: at(4), ok: { payment: { version: 5 } } }),
    ])
    expect(one.stats().batches).toBe(1)
    expect(results).toEqual([OK, { code: 'guard_failed' }])
  })
})

test.each([
  ['payment', 'payee'],
  ['payment', 'amount'],
  ['payment', 'refunded'],
  ['new_payment', 'refunded'],
  ['attempt', 'reference'],
  ['attempt', 'amount'],
  ['new_attempt', 'refference'],
  ['source', 'bic'],
  ['source_change', 'account'],
  ['device_change', 'jkt'],
  ['pin', 'failures'],
  ['code', 'touched_at'],
] as const)(
  'a unit that says of its %s what is not written (%s) is refused, and nothing of it happens',
  async (row, column) => {
    const [from, to] = [await books.wallet(10), await books.merchant()]
    const columns: object = { [column]: '1' }
    const unit = { ...books.unit([books.post(from, to, 10)]), ok: { [row]: columns } }
    await expect(books.ledger.apply(unit)).rejects.toThrow(column)
    // In the other branch too, which may never be taken.
    await expect(books.ledger.apply({ ...unit, ok: {}, refused: { [row]: columns } })).rejects.toThrow(column)
    expect(await books.balance(from)).toMatchObject({ posted: 10n })
  },
)
