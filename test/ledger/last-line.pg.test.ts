import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Books, ids, openBooks } from './support/books.ts'

/** What the tables refuse by themselves, whoever writes: the last line where the function would be wrong. */
let books: Books
beforeAll(async () => {
  books = await openBooks()
})
afterAll(() => books.close())

test('an account whose debits must not exceed its credits cannot be overdrawn, held amounts included', async () => {
  const { owner } = books
  const wallet = await books.wallet(100)
  await owner`update accounts set debits_posted = 60, debits_pending = 40 where id = ${wallet}`
  const refused = /accounts_debits_fit/
  await expect(owner`update accounts set debits_posted = 61 where id = ${wallet}`).rejects.toThrow(refused)
  await expect(owner`update accounts set debits_pending = 41 where id = ${wallet}`).rejects.toThrow(refused)
  await owner`update accounts set allowance = 1, debits_pending = 41 where id = ${wallet}`
  await expect(owner`update accounts set allowance = 0 where id = ${wallet}`).rejects.toThrow(refused)
})

test('an account whose credits must not exceed its debits cannot be overfilled, held amounts included', async () => {
  const { owner } = books
  const [id = ''] = await books.open({
    code: 1050,
    name: `receivable:test:${randomUUID()}`,
    owner: null,
    debitsMustNotExceedCredits: false,
  })
  await owner`
    update accounts set credits_must_not_exceed_debits = true, debits_posted = 50, credits_posted = 30, credits_pending = 20
    where id = ${id}`
  const refused = /accounts_credits_fit/
  await expect(owner`update accounts set credits_posted = 31 where id = ${id}`).rejects.toThrow(refused)
  await expect(owner`update accounts set credits_pending = 21 where id = ${id}`).rejects.toThrow(refused)
  await expect(owner`update accounts set debits_posted = 49 where id = ${id}`).rejects.toThrow(refused)
})

test.each(['debits_pending', 'debits_posted', 'credits_pending', 'credits_posted'])(
  'no account has %s below zero',
  async (counter) => {
    const merchant = await books.merchant()
    const { owner } = books
    const write = owner`update accounts set debits_must_not_exceed_credits = false, ${owner(counter)} = -1 where id = ${merchant}`
    await expect(write).rejects.toThrow(`accounts_${counter}_check`)
  },
)

test('a transfer moves a positive amount between two accounts, and what ends a hold names it', async () => {
  const row = { id: randomUUID(), kind: 'post', amount: '1', credit: randomUUID(), pending: null as string | null }
  const insert = (change: Partial<typeof row>) => {
    const { id, kind, amount, credit, pending } = { ...row, ...change }
    return books.owner`
      insert into transfers (ledger, id, kind, debit_account, credit_account, amount, pending_id, subject, unit)
      values (${books.book}, ${id}, ${kind}, ${row.id}, ${credit}, ${amount}, ${pending}, 'test', ${row.id})`
  }
  await expect(insert({ amount: '0' })).rejects.toThrow('transfers_amount_check')
  await expect(insert({ credit: row.id })).rejects.toThrow('check')
  await expect(insert({ kind: 'confirm' })).rejects.toThrow('check')
  await expect(insert({ pending: randomUUID() })).rejects.toThrow('check')
})

test('a hold ends once, whatever ends it', async () => {
  const [from, to] = [await books.wallet(10), await books.merchant()]
  const hold = books.reserve(from, to, 10)
  await books.apply([hold])
  expect(await books.apply([books.end('void', hold.id)])).toEqual({ code: 'ok' })
  const again = books.owner`
    insert into transfers (ledger, id, kind, debit_account, credit_account, amount, pending_id, subject, unit)
    values (${books.book}, ${randomUUID()}, 'confirm', ${from}, ${to}, 10, ${hold.id}, 'test', ${randomUUID()})`
  await expect(again).rejects.toThrow('transfers_pending')
})

test('no payment has more refunded than was captured', async () => {
  const { owner } = books
  const payment = ids.make('pay')
  await owner`
    insert into payments (id, ledger, kind, status, version, amount, currency, captured_amount, payee, payee_name, created_at, updated_at)
    values (${payment}, ${books.book}, 'purchase', 'succeeded', 1, 100, 'KES', 100, 'mer_test', 'M', now(), now())`
  await owner`update payments set refunded_amount = 100 where id = ${payment}`
  await expect(owner`update payments set refunded_amount = 101 where id = ${payment}`).rejects.toThrow('check')
  await expect(owner`update payments set refunded_amount = -1 where id = ${payment}`).rejects.toThrow('check')
})
