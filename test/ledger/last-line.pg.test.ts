import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cashAccount, merchantCreditAccount } from '../../src/domain/accounting/index.ts'
import { audit } from '../../src/ledger/index.ts'
import { type Books, openBooks } from './support/books.ts'
import { TRIED } from './support/wrong-rows.ts'

/** What the tables refuse by themselves, whoever writes: the last line where the function would be wrong. */
let books: Books
beforeAll(async () => {
  books = await openBooks()
})
afterAll(() => books.close())

const UNDONE = 'undone'

/** Which constraint refuses the statement; `undone` where none does: then it is undone. */
async function refuser(table: string, row: object): Promise<string> {
  try {
    await books.owner.begin(async (tx) => {
      // The watermark's table has its one row already.
      if (table === 'sealed') await tx`delete from sealed`
      if (table === 'pins') await tx`insert into users (id, phone) values ('usr_lastline', '+254700000000')`
      await tx`insert into ${tx(table)} ${tx({ ...row })}`
      throw new Error(UNDONE)
    })
  } catch (error) {
    if (error instanceof Error && 'constraint_name' in error) return String(error.constraint_name)
    if (error instanceof Error && error.message === UNDONE) return UNDONE
    throw error
  }
  return 'committed'
}

describe.each(TRIED)('of $table', ({ table, sound, wrong }) => {
  test('a sound row is taken', async () => {
    expect(await refuser(table, sound)).toBe(UNDONE)
  })

  test.each(wrong)('%s refuses %o', async (constraint, change) => {
    expect(await refuser(table, { ...sound, ...change })).toBe(constraint)
  })
})

/** Tables of who is who, what was agreed and who decided, which nothing of the ledger changes. */
const OTHERS = [
  ...['users', 'devices', 'enrolments', 'merchants', 'merchant_keys', 'fee_plans'],
  ...['operators', 'operator_sessions', 'operator_throttle', 'approvals', 'ops_audit'],
]

test('every CHECK of what changes with the ledger is tried here', async () => {
  const checks = await books.owner<{ name: string }[]>`
    select conname as name from pg_constraint
    where contype = 'c' and connamespace = 'public'::regnamespace
      and conrelid::regclass::text not in ${books.owner(OTHERS)}`
  const tried = new Set(TRIED.flatMap(({ wrong }) => wrong.map(([constraint]) => constraint)))
  expect([...tried].toSorted()).toEqual(checks.map(({ name }) => name).toSorted())
})

test('an account whose debits must not exceed its credits cannot lose what it is spent against', async () => {
  const { owner } = books
  const [line = ''] = await books.open(merchantCreditAccount('lastline', 1n))
  await owner`update accounts set credits_posted = 100, debits_posted = 60, debits_pending = 41 where id = ${line}`
  await expect(owner`update accounts set credits_posted = 99 where id = ${line}`).rejects.toThrow('accounts_debits_fit')
})

test('an account whose credits must not exceed its debits cannot lose what it is filled against', async () => {
  const { owner } = books
  const id = await books.filled(0n)
  await owner`update accounts set debits_posted = 50, credits_posted = 30, credits_pending = 20 where id = ${id}`
  await expect(owner`update accounts set debits_posted = 49 where id = ${id}`).rejects.toThrow('accounts_credits_fit')
})

test.each(['allowance = 400', 'debits_must_not_exceed_credits = false', 'credits_must_not_exceed_debits = true'])(
  'what bounds an account stays as it was opened, for its history is judged by it: not even its owner sets %s',
  async (change) => {
    const [cash = '', line = ''] = await books.open(
      cashAccount('bank', 'trust'),
      merchantCreditAccount(`bounds-${randomUUID()}`, 500n),
    )
    await books.apply([books.post(line, cash, 450)])
    await books.apply([books.post(cash, line, 450)])
    await expect(books.owner.unsafe(`update accounts set ${change} where id = '${line}'`)).rejects.toThrow(
      'does not change',
    )
    const { breaches } = await audit(books.owner)
    expect(breaches.filter(({ invariant }) => invariant === 'L3')).toEqual([])
  },
)

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

const HISTORY = { transfers: 'amount', seals: 'count', balance_checkpoints: 'lines' }

test.each(
  Object.entries(HISTORY).flatMap(([table, column]) => [
    ['change', table, `update ${table} set ${column} = 2`],
    ['delete', table, `delete from ${table}`],
    ['empty', table, `truncate ${table}`],
  ]),
)('history only grows: its owner cannot %s %s', async (_verb, _table, statement) => {
  await expect(books.owner.unsafe(statement)).rejects.toThrow('append-only')
})
