import { afterAll, beforeAll, expect, test } from 'vitest'
import { merchantPendingAccount } from '../../src/domain/accounting/index.ts'
import {
  type Unit,
  ensureLedger,
  laneOf,
  makeAccountBook,
  makeLedger,
  makeLimitBook,
  sweepShards,
} from '../../src/ledger/index.ts'
import { type Books, ids, log, openBooks } from './support/books.ts'
import { PAST, attemptColumns, paymentColumns } from './support/payment-rows.ts'

let books: Books
beforeAll(async () => {
  books = await openBooks()
})
afterAll(() => books.close())

test('legs up to a total take what each account has, in order, and the amounts are told', async () => {
  const [first, second, to] = [await books.wallet(70), await books.wallet(500), await books.merchant()]
  const legs = [first, second].map((debit) => ({ ...books.reserve(debit, to, 100), up_to: true as const }))
  const unit = books.unit(legs, { total: '100' })
  const told = { code: 'ok', amounts: { [legs[0]?.id ?? '']: '70', [legs[1]?.id ?? '']: '30' } }
  expect(await books.ledger.apply(unit)).toEqual(told)
  expect(await books.ledger.apply(unit)).toEqual(told)
  expect([await books.balance(first), await books.balance(second)].map(({ out }) => out)).toEqual([70n, 30n])
})

test('a leg up to a total with nothing to give is left out, and the group still comes to its total', async () => {
  const [empty, full, to] = [await books.wallet(0), await books.wallet(100), await books.merchant()]
  const legs = [empty, full].map((debit) => ({ ...books.post(debit, to, 100), up_to: true as const }))
  expect(await books.apply(legs, { total: '100' })).toEqual({ code: 'ok', amounts: { [legs[1]?.id ?? '']: '100' } })
})

test('legs that cannot come to their total move nothing, and only the last one is marked failed', async () => {
  const [first, second, to] = [await books.wallet(30), await books.wallet(30), await books.merchant()]
  const legs = [first, second].map((debit) => ({ ...books.post(debit, to, 100), up_to: true as const }))
  expect(await books.apply(legs, { total: '61' })).toEqual({ code: 'refused', transfer: 'exceeds_credits', leg: 1 })
  expect(await books.balance(to)).toEqual({ posted: 0n, out: 0n, in: 0n })
  // The one that did not cause it may be used again.
  expect(await books.apply([{ ...books.post(first, to, 30), id: legs[0]?.id ?? '' }])).toEqual({ code: 'ok' })
  expect(await books.apply([{ ...books.post(second, to, 30), id: legs[1]?.id ?? '' }])).toMatchObject({
    transfer: 'id_already_failed',
  })
})

test('part of a hold is posted and the rest released', async () => {
  const [from, to] = [await books.wallet(100), await books.merchant()]
  const hold = books.reserve(from, to, 80)
  await books.apply([hold])
  expect(await books.apply([books.end('confirm', hold.id, 81)])).toMatchObject({ transfer: 'exceeds_pending_amount' })
  expect(await books.apply([books.end('confirm', hold.id, 50)])).toEqual({ code: 'ok' })
  expect(await books.balance(from)).toEqual({ posted: 50n, out: 0n, in: 0n })
  expect(await books.balance(to)).toEqual({ posted: 50n, out: 0n, in: 0n })
})

test('a hold past its time cannot be confirmed, one before it cannot be expired', async () => {
  const [from, to] = [await books.wallet(100), await books.merchant()]
  const past = { ...books.reserve(from, to, 10), expires_at: '2020-01-01T00:00:00Z' }
  const ahead = { ...books.reserve(from, to, 10), expires_at: '2100-01-01T00:00:00Z' }
  const never = books.reserve(from, to, 10)
  await books.apply([past, ahead, never])
  expect(await books.apply([books.end('confirm', past.id)])).toMatchObject({ transfer: 'pending_already_expired' })
  expect(await books.apply([books.end('expire', ahead.id)])).toMatchObject({ transfer: 'hold_in_use' })
  expect(await books.apply([books.end('expire', never.id)])).toMatchObject({ transfer: 'hold_in_use' })
  expect(await books.apply([books.end('expire', past.id)])).toEqual({ code: 'ok' })
  expect(await books.apply([books.end('void', past.id)])).toMatchObject({ transfer: 'pending_already_expired' })
  expect(await books.balance(from)).toMatchObject({ out: 20n })
})

test.each(['prepared', 'dispatched', 'pending', 'unknown'])(
  'a hold whose attempt at a rail is %s is not expired, however late',
  async (state) => {
    const [from, to] = [await books.wallet(100), await books.merchant()]
    const payment = ids.make('pay')
    await books.owner`
      insert into attempts (payment, no, ledger, rail, operation, reference, uetr, amount, currency, account,
        account_holder, description, state, dispatch_token, updated_at)
      values (${payment}, 1, ${books.book}, 'bank', 'collect', ${payment}, ${ids.uuid()}, 10, 'KES', 'DE00', 'A', 'x',
        ${state}, ${ids.uuid()}, now())`
    const hold = { ...books.reserve(from, to, 10), subject: payment, expires_at: '2020-01-01T00:00:00Z' }
    await books.apply([hold])
    const expire = () => books.apply([{ ...books.end('expire', hold.id), subject: payment }])
    expect(await expire()).toMatchObject({ code: 'refused', transfer: 'hold_in_use' })
    await books.owner`update attempts set state = 'declined' where payment = ${payment}`
    expect(await expire()).toEqual({ code: 'ok' })
  },
)

test('a hold expires for what it is for: under the lock of another payment nothing is known of its rail', async () => {
  const [from, to] = [await books.wallet(100), await books.merchant()]
  const hold = { ...books.reserve(from, to, 10), subject: ids.make('pay'), expires_at: '2020-01-01T00:00:00Z' }
  await books.apply([hold])
  const end = books.end('expire', hold.id)
  await expect(books.apply([{ ...end, subject: ids.make('pay') }])).rejects.toThrow('raised')
  expect(await books.balance(from)).toEqual({ posted: 100n, out: 10n, in: 0n })
  expect(await books.apply([{ ...end, subject: hold.subject }])).toEqual({ code: 'ok' })
})

test('a hold is expired by what its own batch decided about the attempt, before what is stored', async () => {
  const [from, to] = [await books.wallet(100), await books.merchant()]
  const inOneBatch = async (...units: Unit[]) => {
    const one = makeLedger({ sql: books.hub, log, limits: { connections: 1 } })
    const results = await Promise.all(units.map((unit) => one.apply(unit)))
    expect(one.stats().batches).toBe(1)
    return results
  }
  const made = paymentColumns(books.book)
  const hold = { ...books.reserve(from, to, 10), subject: made.id, expires_at: PAST }
  const expire = () => books.unit([{ ...books.end('expire', hold.id), subject: made.id }])
  const attempt = attemptColumns(books.book, made.id, 'prepared')
  expect(
    await inOneBatch(
      books.unit([hold], { ok: { new_payment: made } }),
      books.unit([], { ok: { new_attempt: attempt } }),
      expire(),
    ),
  ).toEqual([{ code: 'ok' }, { code: 'ok' }, { code: 'refused', transfer: 'hold_in_use', leg: 0 }])
  const decline = books.unit([], {
    guard: { attempt: { payment: made.id, no: 1, states: ['prepared'] } },
    ok: { attempt: { state: 'declined' } },
  })
  expect(await inOneBatch(decline, expire())).toEqual([{ code: 'ok' }, { code: 'ok' }])
})

test('an account is frozen and closed by a unit, in order with the transfers around it', async () => {
  const [from, to] = [await books.wallet(100), await books.merchant()]
  const hold = books.reserve(from, to, 40)
  expect(await books.apply([hold], { flags: [{ account: from, set: 'close' }] })).toMatchObject({
    transfer: 'account_has_holds',
    leg: 1,
  })
  expect(await books.apply([], { flags: [{ account: from, set: 'freeze' }] })).toEqual({ code: 'ok' })
  expect(await books.apply([books.post(from, to, 1)])).toMatchObject({ transfer: 'account_frozen' })
  expect(await books.apply([books.post(from, to, 1)], { flags: [{ account: from, set: 'unfreeze' }] })).toMatchObject({
    transfer: 'account_frozen',
  })
  expect(await books.apply([], { flags: [{ account: from, set: 'unfreeze' }] })).toEqual({ code: 'ok' })
  const last = books.unit([books.post(from, to, 1)], { flags: [{ account: from, set: 'close' }] })
  expect(await books.ledger.apply(last)).toEqual({ code: 'ok' })
  expect(await books.apply([books.post(from, to, 1)])).toMatchObject({ transfer: 'account_closed' })
  expect(await books.apply([books.post(to, from, 1)])).toMatchObject({ transfer: 'account_closed' })
})

test('a transfer between ledgers is refused', async () => {
  const other = await ensureLedger(books.owner, 'JPY', 0)
  const [there = ''] = await books.accounts.ensure(other.id, [merchantPendingAccount(ids.make('mer'))])
  expect(await books.apply([books.post(await books.wallet(5), there, 5)])).toMatchObject({
    transfer: 'different_ledgers',
  })
})

test('parallel payments cannot slip past a limit, and a release returns to the bucket it came from', async () => {
  const counted = await ensureLedger(books.owner, 'KES', 2, 'limits')
  const limits = makeLimitBook({ accounts: books.accounts, ids, ledgerId: counted.id })
  const [from, to] = [await books.wallet(10_000), await books.merchant()]
  const limit = { owner: ids.make('usr'), period: 'day:2026-11-23', amountMinor: 1_000n }
  const tries = await Promise.all(
    Array.from({ length: 30 }, async () => {
      const used = await limits.use([limit], { amountMinor: 100n, subject: 'test' })
      const result = await books.apply([books.reserve(from, to, 100), ...used])
      return { used, result }
    }),
  )
  const granted = tries.filter(({ result }) => result.code === 'ok')
  expect(granted).toHaveLength(10)
  expect(tries.filter(({ result }) => result.code === 'refused' && result.leg === 1)).toHaveLength(20)
  expect(await books.balance(from)).toMatchObject({ out: 1_000n })

  await books.apply([{ ...books.end('void', granted[0]?.used[0]?.id ?? ''), ledger: counted.id }])
  expect(await books.apply(await limits.use([limit], { amountMinor: 100n, subject: 'test' }))).toEqual({ code: 'ok' })
})

test('a merchant is credited in shards, and they are swept to where it is spent from', async () => {
  const [cash = ''] = await books.open(merchantPendingAccount(ids.make('mer')))
  const payer = await books.wallet(300)
  const spec = merchantPendingAccount(ids.make('mer'))
  const [main = ''] = await books.open(spec)
  const subject = ['a', 'b', 'c', 'd'].find((name) => laneOf(name) === 0) ?? ''
  for (const process of [0, 1, 2]) {
    const legs = [{ debit: spec, credit: spec }]
    const [pair] = await makeAccountBook(books.hub, process).ensureLegs(books.book, legs, subject)
    expect(pair?.debit).toBe(main)
    await books.apply([books.post(payer, pair?.credit ?? '', 100)])
  }
  expect(await books.balance(main)).toMatchObject({ posted: 100n })
  expect(await sweepShards({ sql: books.owner, ledger: books.ledger, ids })).toBe(2)
  expect(await books.balance(main)).toMatchObject({ posted: 300n })
  expect(await books.apply([books.post(main, cash, 300)])).toEqual({ code: 'ok' })
})
