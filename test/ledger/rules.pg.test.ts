import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cashAccount, merchantCreditAccount, merchantPendingAccount } from '../../src/domain/accounting/index.ts'
import { type TransferInput, type UnitResult, audit, ensureLedger, makeLedger } from '../../src/ledger/index.ts'
import { type Books, type Spend, ids, log, openBooks } from './support/books.ts'

/** Each rule of a transfer by itself, with the least that shows it; model.pg.test.ts holds all of them together. */
let books: Books
let from: string
let to: string
let other: string
beforeAll(async () => {
  books = await openBooks()
  ;[from, to, other] = [await books.wallet(1_000), await books.merchant(), await books.merchant()]
})
afterAll(() => books.close())

const refused = (transfer: string, leg = 0) => ({ code: 'refused', transfer, leg })

/** As one call, in order. */
async function inOneBatch(...units: TransferInput[][]): Promise<UnitResult[]> {
  const one = makeLedger({ sql: books.hub, log, limits: { connections: 1 } })
  const results = await Promise.all(units.map((transfers) => one.apply(books.unit(transfers))))
  expect(one.stats().batches).toBe(1)
  return results
}

describe('a transfer whose id is there already', () => {
  test('is the same only if it is the same in everything', async () => {
    const first = books.post(from, to, 10)
    await books.apply([first])
    const again = (change: Partial<Spend>) => books.apply([{ ...first, ...change }])
    expect(await again({})).toEqual({ code: 'ok', amounts: { [first.id]: '10' } })
    expect(await again({ kind: 'reserve' })).toEqual(refused('exists_with_different_kind'))
    expect(await again({ amount: '11' })).toEqual(refused('exists_with_different_amount'))
    expect(await again({ debit: other })).toEqual(refused('exists_with_different_debit'))
    expect(await again({ credit: other })).toEqual(refused('exists_with_different_credit'))
    expect(await books.balance(to)).toMatchObject({ posted: 10n })
  })

  test('ends the hold it ended before, and no other', async () => {
    const [hold, next] = [books.reserve(from, to, 10), books.reserve(from, to, 10)]
    const end = books.end('void', hold.id)
    await books.apply([hold, next])
    await books.apply([end])
    expect(await books.apply([end])).toEqual({ code: 'ok', amounts: { [end.id]: '10' } })
    expect(await books.apply([{ ...end, pending: next.id }])).toEqual(refused('exists_with_different_pending'))
    await books.apply([books.end('void', next.id)])
  })

  test('confirmed the whole of its hold, where no amount is given', async () => {
    const [hold, next] = [books.reserve(from, to, 10), books.reserve(from, to, 10)]
    const [part, whole] = [books.end('confirm', hold.id, 4), books.end('confirm', next.id)]
    const all = { ...books.end('confirm', hold.id), id: part.id }
    // As one call with its hold, and later.
    const results = await inOneBatch([hold, next], [part], [all], [whole], [whole], [{ ...whole, amount: '10' }])
    const again = { code: 'ok', amounts: { [whole.id]: '10' } }
    const differs = refused('exists_with_different_amount')
    expect(results).toEqual([{ code: 'ok' }, { code: 'ok' }, differs, { code: 'ok' }, again, again])
    expect(await books.apply([all])).toEqual(differs)
    expect(await books.apply([part])).toEqual({ code: 'ok', amounts: { [part.id]: '4' } })
    expect(await books.apply([whole])).toEqual(again)
    expect(await books.apply([{ ...whole, amount: '9' }])).toEqual(differs)
  })

  test('is not remembered as refused, whatever is asked of it', async () => {
    const [wallet, empty, cash = ''] = [
      await books.wallet(100),
      await books.wallet(0),
      ...(await books.open(cashAccount('bank', 'trust'))),
    ]
    const legs = [empty, wallet].map((debit) => ({ ...books.post(debit, to, 100), up_to: true as const }))
    const moved = { code: 'ok', amounts: { [legs[1]?.id ?? '']: '100' } }
    expect(await books.apply(legs, { total: '100' })).toEqual(moved)
    await books.apply([books.post(cash, empty, 50)])
    // Now the first leg brings something too, and the two come to more than their total.
    expect(await books.apply(legs, { total: '100' })).toEqual(refused('exceeds_credits', 1))
    expect(await books.owner`select from refused_transfers where id = ${legs[1]?.id ?? ''}`).toEqual([])
    expect(await books.apply(legs.slice(1), { total: '100' })).toEqual(moved)
    expect((await audit(books.owner)).breaches).toEqual([])
  })

  test('is named once in a unit: a second time is a mistake of who made it, and nothing happens', async () => {
    const leg = { ...books.post(from, to, 10), up_to: true as const }
    await expect(books.apply([leg, leg], { total: '10' })).rejects.toThrow(`names transfer ${leg.id} twice`)
    expect(await books.apply([leg], { total: '10' })).toEqual({ code: 'ok', amounts: { [leg.id]: '10' } })
    await expect(books.apply([leg, leg], { total: '20' })).rejects.toThrow(`names transfer ${leg.id} twice`)
  })

  test('moved no more than it may move now', async () => {
    const first = books.post(from, to, 10)
    await books.apply([first])
    const upTo = (amount: number, total: number) =>
      books.apply([{ ...first, amount: String(amount), up_to: true }], { total: String(total) })
    expect(await upTo(9, 9)).toEqual(refused('exists_with_different_amount'))
    expect(await upTo(20, 10)).toEqual({ code: 'ok', amounts: { [first.id]: '10' } })
    expect(await upTo(20, 20)).toEqual(refused('exceeds_credits'))
  })
})

describe('a spend that was refused', () => {
  test.each([
    ['for lack of funds', 'exceeds_credits', async () => books.post(await books.wallet(0), to, 1)],
    [
      'for a missing account',
      'credit_account_not_found',
      async () => books.post(await books.wallet(5), randomUUID(), 1),
    ],
  ])('%s stays refused', async (_why, code, make) => {
    const spend = await make()
    expect(await books.apply([spend])).toEqual(refused(code))
    const [cash = ''] = await books.open(cashAccount('bank', 'trust'))
    await books.apply([books.post(cash, spend.debit, 100)])
    expect(await books.apply([{ ...spend, credit: to }])).toEqual(refused('id_already_failed'))
  })

  test('for its account’s being frozen stays refused', async () => {
    const wallet = await books.wallet(10)
    const spend = books.post(wallet, to, 1)
    await books.apply([], { flags: [{ account: wallet, set: 'freeze' }] })
    expect(await books.apply([spend])).toEqual(refused('account_frozen'))
    await books.apply([], { flags: [{ account: wallet, set: 'unfreeze' }] })
    expect(await books.apply([spend])).toEqual(refused('id_already_failed'))
  })

  test('stays refused as the end of a hold too, in the same batch and later', async () => {
    const [spend, hold] = [books.post(await books.wallet(0), to, 5), books.reserve(from, to, 5)]
    const end = (kind: 'confirm' | 'void') => [{ ...books.end(kind, hold.id), id: spend.id }]
    expect(await inOneBatch([hold], [spend], end('confirm'))).toEqual([
      { code: 'ok' },
      refused('exceeds_credits'),
      refused('id_already_failed'),
    ])
    expect(await books.apply(end('void'))).toEqual(refused('id_already_failed'))
    expect(await books.apply([books.end('void', hold.id)])).toEqual({ code: 'ok' })
  })

  test('stays refused also later in the same batch', async () => {
    const [empty, cash = ''] = [await books.wallet(0), ...(await books.open(cashAccount('bank', 'trust')))]
    const spend = books.post(empty, to, 5)
    const fund = books.post(cash, empty, 5)
    expect(await inOneBatch([spend], [fund], [spend])).toEqual([
      refused('exceeds_credits'),
      { code: 'ok' },
      refused('id_already_failed'),
    ])
  })

  test('for what can never become right is not remembered', async () => {
    const wrong = { ...books.post(from, to, 1), amount: '0' }
    expect(await books.apply([wrong])).toEqual(refused('amount_invalid'))
    expect(await books.apply([{ ...wrong, amount: '1' }])).toEqual({ code: 'ok' })
  })
})

describe('a new spend', () => {
  test.each([0, -1])('does not move %i', async (amount) => {
    expect(await books.apply([books.post(from, to, amount)])).toEqual(refused('amount_invalid'))
    expect(await books.apply([books.reserve(from, to, amount)])).toEqual(refused('amount_invalid'))
  })

  test('has two accounts, both known and of its ledger', async () => {
    const elsewhere = (await ensureLedger(books.owner, 'JPY', 0)).id
    const [there = '', here = ''] = await books.accounts.ensure(elsewhere, [
      merchantPendingAccount(ids.make('mer')),
      merchantPendingAccount(ids.make('mer')),
    ])
    const spend = (debit: string, credit: string) => books.apply([books.post(debit, credit, 1)])
    expect(await spend(from, from)).toEqual(refused('accounts_must_differ'))
    expect(await spend(randomUUID(), to)).toEqual(refused('debit_account_not_found'))
    expect(await spend(from, randomUUID())).toEqual(refused('credit_account_not_found'))
    expect(await spend(there, to)).toEqual(refused('different_ledgers'))
    expect(await spend(from, there)).toEqual(refused('different_ledgers'))
    expect(await spend(there, here)).toEqual(refused('different_ledgers'))
  })

  test.each([
    ['freeze', 'account_frozen'],
    ['close', 'account_closed'],
  ] as const)('finds neither of its accounts %sd', async (set, code) => {
    const wallet = await books.wallet(10)
    await books.apply([], { flags: [{ account: wallet, set }] })
    expect(await books.apply([books.post(wallet, to, 1)])).toEqual(refused(code))
    expect(await books.apply([books.post(from, wallet, 1)])).toEqual(refused(code))
  })

  test('takes what its account has and its credit line, less what is held', async () => {
    const [cash = '', wallet = ''] = await books.open(cashAccount('bank', 'trust'), merchantCreditAccount('rules', 50n))
    await books.apply([books.post(cash, wallet, 100)])
    await books.apply([books.reserve(wallet, to, 90)])
    expect(await books.apply([books.post(wallet, to, 61)])).toEqual(refused('exceeds_credits'))
    expect(await books.apply([books.post(wallet, to, 60)])).toEqual({ code: 'ok' })
  })

  test('fills an account no further than its debits and its credit line', async () => {
    const receivable = await books.filled(5n)
    await books.apply([books.post(receivable, to, 20)])
    await books.apply([books.reserve(from, receivable, 10)])
    expect(await books.apply([books.post(from, receivable, 16)])).toEqual(refused('exceeds_debits'))
    expect(await books.apply([books.post(from, receivable, 15)])).toEqual({ code: 'ok' })
  })

  test('spends what an earlier one of its batch brought, and finds gone what an earlier one took', async () => {
    const [empty, next] = [await books.wallet(0), await books.wallet(0)]
    const results = await inOneBatch(
      [books.post(from, empty, 10)],
      [books.post(empty, next, 10)],
      [books.post(empty, next, 1)],
    )
    expect(results).toEqual([{ code: 'ok' }, { code: 'ok' }, refused('exceeds_credits')])
  })
})

describe('a hold', () => {
  const placed = async (more: Partial<Spend> = {}, amount = 10) => {
    const hold = { ...books.reserve(await books.wallet(amount), await books.merchant(), amount), ...more }
    expect(await books.apply([hold])).toEqual({ code: 'ok' })
    return hold
  }

  test('is confirmed for something', async () => {
    const hold = await placed()
    expect(await books.apply([books.end('confirm', hold.id, 0)])).toEqual(refused('amount_invalid'))
    expect(await books.apply([books.end('confirm', hold.id, -1)])).toEqual(refused('amount_invalid'))
  })

  test.each([
    ['confirm', 'pending_already_posted'],
    ['void', 'pending_already_voided'],
  ] as const)('that ended by a %s says so, in the same batch and later', async (kind, code) => {
    const hold = await placed()
    expect(await inOneBatch([books.end(kind, hold.id)], [books.end('void', hold.id)])).toEqual([
      { code: 'ok' },
      refused(code),
    ])
    expect(await books.apply([books.end('confirm', hold.id)])).toEqual(refused(code))
  })

  test('that expired says so, in the same batch and later', async () => {
    const hold = await placed({ expires_at: '2020-01-01T00:00:00Z' })
    expect(await inOneBatch([books.end('expire', hold.id)], [books.end('void', hold.id)])).toEqual([
      { code: 'ok' },
      refused('pending_already_expired'),
    ])
    expect(await books.apply([books.end('void', hold.id)])).toEqual(refused('pending_already_expired'))
  })

  test('that nobody placed is not found', async () => {
    expect(await books.apply([books.end('confirm', randomUUID())])).toEqual(refused('pending_not_found'))
  })

  test('leaves nothing behind when it has ended', async () => {
    const hold = await placed()
    const open = async () => (await books.owner`select from holds where id = ${hold.id}`).length
    expect(await open()).toBe(1)
    await books.apply([books.end('confirm', hold.id)])
    expect(await open()).toBe(0)
  })

  test('is judged by the time at which its locks were had, not by when it was asked to end', async () => {
    const hold = await placed({ expires_at: new Date(Date.now() + 1_000).toISOString() })
    const asked: Promise<UnitResult>[] = []
    await books.owner.begin(async (tx) => {
      await tx`select from accounts where id = ${hold.debit} for no key update`
      asked.push(books.apply([books.end('confirm', hold.id)]))
      // Its call begins before the hold's time, and waits for us past it.
      await expect.poll(waitingSince).toBeLessThan(Date.parse(hold.expires_at ?? ''))
      await tx`select pg_sleep_until(${hold.expires_at ?? ''}::timestamptz + interval '10 ms')`
    })
    expect(await asked[0]).toEqual(refused('pending_already_expired'))
  })

  /** When the first call that waits for a lock now began, ms since the epoch. Only its own role sees that. */
  async function waitingSince(): Promise<number> {
    const [row] = await books.hub<{ at: Date | null }[]>`
      select min(xact_start) as at from pg_stat_activity
      where wait_event_type = 'Lock' and datname = current_database()`
    return row?.at?.getTime() ?? Number.POSITIVE_INFINITY
  }

  test.each(['debit', 'credit'] as const)('keeps its %s account from being closed', async (side) => {
    const hold = await placed()
    const close = { flags: [{ account: hold[side], set: 'close' as const }] }
    expect(await books.apply([], close)).toEqual(refused('account_has_holds'))
    await books.apply([books.end('void', hold.id)])
    expect(await books.apply([], close)).toEqual({ code: 'ok' })
  })
})
