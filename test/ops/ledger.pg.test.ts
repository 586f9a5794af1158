import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type Said, runOps } from './support/ops-process.ts'
import { type SmallBook, openSmallBook, timeOf } from './support/small-book.ts'

/** Every question an operator may ask of the books, by the real command line, as the operators' role. */

let book: SmallBook
beforeAll(async () => {
  book = await openSmallBook()
})
afterAll(() => book.books.close())

/** The words of a command, one by one. */
const ops = (words: string): Promise<Said> =>
  runOps(words.split(' '), { DATABASE_URL: book.books.database.url('mooring_ops') })

async function asked(words: string): Promise<string> {
  const { exit, out, err } = await ops(words)
  expect({ exit, err }).toEqual({ exit: 0, err: '' })
  return out
}

const json = async (words: string): Promise<unknown> => JSON.parse(await asked(`${words} --json`))

describe('ledger balance', () => {
  test('says what is posted, held and available now', async () => {
    const text = await asked('ledger balance wallet:amina')
    expect(text).toContain('wallet:amina in KES (2010, what we owe a user), now')
    expect(text).toMatch(/ posted +held\n +debits +123\.45 +50\.00\n +credits +500\.00 +0\.00\n +balance +376\.55 .*\n/)
    expect(text).toMatch(/available +326\.55 +what can be debited now\n/)
    expect(await json('ledger balance wallet:amina')).toMatchObject({
      account: { name: 'wallet:amina', code: 2010, currency: 'KES', exponent: 2, side: 'credit' },
      as_of: null,
      debits_pending: '5000',
      debits_posted: '12345',
      credits_pending: '0',
      credits_posted: '50000',
      balance: '37655',
      available: '32655',
      frozen: false,
      closed: false,
    })
  })

  test('says what was posted and held then, by time and by position', async () => {
    expect(await asked('ledger balance wallet:amina --as-of 2')).toMatch(/balance +500\.00 /)
    expect(await json('ledger balance wallet:amina --as-of 2026-01-01T03:04:59+03:00')).toMatchObject({
      as_of: { position: '4', at: timeOf(4) },
      debits_pending: '0',
      debits_posted: '12345',
      balance: '37655',
    })
  })

  test('finds an account by its id, has a debit balance for what we own, and no bound on it', async () => {
    const { account } = z
      .object({ account: z.object({ id: z.uuid() }) })
      .parse(await json('ledger balance cash:bank:trust --currency UGX'))
    const text = await asked(`ledger balance ${account.id}`)
    expect(text).toContain('cash:bank:trust in UGX')
    expect(text).toMatch(/balance +20000 +posted debits less posted credits\n/)
    expect(text).toMatch(/available +unbounded/)
  })
})

const Statement = z.object({
  opening: z.looseObject({ balance: z.string() }),
  lines: z.array(
    z.looseObject({
      position: z.string(),
      kind: z.string(),
      side: z.string(),
      after: z.looseObject({ balance: z.string() }),
    }),
  ),
  next: z.string().nullable(),
})

describe('ledger statement', () => {
  test('has a running balance from opening to closing', async () => {
    const lines = (await asked('ledger statement wallet:amina')).split('\n').map((line) => line.trim().split(/ {2,}/))
    const reads = (...cells: string[]) => expect(lines).toContainEqual(cells)
    reads('opening', '0.00')
    reads('2', timeOf(2), 'post', 'credit', '500.00', '500.00', 'cash:bank:trust', 'test')
    reads('3', timeOf(3), 'post', 'debit', '121.60', '378.40', 'merchant:coffee:pending', 'test')
    reads('4', timeOf(4), 'post', 'debit', '1.85', '376.55', 'revenue:fees', 'test')
    reads('6', timeOf(6), 'reserve', 'debit', '+50.00', '376.55', 'merchant:coffee:pending', 'test')
    reads('closing', '376.55')
  })

  test('comes in pages that join, as of one moment', async () => {
    const first = Statement.parse(await json('ledger statement wallet:amina --limit 2 --as-of 5'))
    expect(first).toMatchObject({ opening: { balance: '0' }, next: '3' })
    expect(first.lines.map((line) => line.position)).toEqual(['2', '3'])
    const second = Statement.parse(await json('ledger statement wallet:amina --limit 2 --as-of 5 --after 3'))
    expect(second).toMatchObject({ opening: { balance: first.lines[1]?.after.balance }, next: null })
    expect(second.lines).toMatchObject([
      { position: '4', posted: '185', pending: '0', transfer: book.transfers[3], after: { debits_posted: '12345' } },
    ])
    expect(await asked('ledger statement wallet:amina --limit 2 --as-of 5')).toContain('add --after 3 --as-of 5')
  })
})

describe('ledger trial-balance', () => {
  test('has each account on its side, debits equal to credits, one currency after the other', async () => {
    const text = await asked('ledger trial-balance')
    expect(text).toMatch(/^trial balance in KES, now\n[^]*\n\ntrial balance in UGX, now\n/)
    expect(text).toMatch(/\n +1010 +cash:bank:own +9997\.50\n/)
    expect(text).toMatch(/\n +2010 +wallet:amina +376\.55\n/)
    expect(text).toContain('balanced: debits 10500.00 = credits 10500.00')
    expect(text).toContain('balanced: debits 20000 = credits 20000')
    expect(await json('ledger trial-balance --currency KES')).toMatchObject({
      as_of: null,
      trial_balances: [{ currency: 'KES', exponent: 2, balanced: true, debit: '1050000', credit: '1050000' }],
    })
  })

  test('is as it was then', async () => {
    expect(await json(`ledger trial-balance --currency KES --as-of ${timeOf(2)}`)).toMatchObject({
      as_of: { position: '2' },
      trial_balances: [
        {
          rows: [
            { name: 'cash:bank:own', debit: '1000000', credit: '0' },
            { name: 'cash:bank:trust', debit: '50000', credit: '0' },
            { name: 'wallet:amina', debit: '0', credit: '50000' },
            { name: 'equity:capital', debit: '0', credit: '1000000' },
          ],
        },
      ],
    })
  })
})

describe('ledger balance-sheet', () => {
  test('has what we have equal to what is claimed, the loss so far with it', async () => {
    const text = await asked('ledger balance-sheet --currency KES')
    expect(text).toMatch(/\n +1010 .* +10497\.50\n/)
    expect(text).toMatch(/\n +result: .* +-0\.65\n/)
    expect(text).toContain('balanced: assets 10497.50 = claims 10497.50')
    expect(await json('ledger balance-sheet --currency KES --as-of 4')).toMatchObject({
      as_of: { position: '4' },
      balance_sheets: [
        {
          balanced: true,
          assets: [{ code: 1010, amount: '1050000' }],
          liabilities: [
            { code: 2010, amount: '37655' },
            { code: 2020, amount: '12160' },
          ],
          equity: [{ code: 3010, amount: '1000000' }],
          result: '185',
          total_assets: '1050000',
          total_claims: '1050000',
        },
      ],
    })
  })
})

describe('ledger income-statement', () => {
  test('has what was earned and spent in all of history, and in a part of it', async () => {
    const text = await asked('ledger income-statement --currency KES')
    expect(text).toMatch(/\n +4010 .* +1\.85\n/)
    expect(text).toMatch(/\n +5010 .* +2\.50\n/)
    expect(text).toMatch(/\n +result: .* +-0\.65\n/)
    expect(await json(`ledger income-statement --currency KES --from ${timeOf(4)} --to 6`)).toMatchObject({
      from: { position: '4', at: timeOf(4) },
      to: { position: '6', at: timeOf(6) },
      income_statements: [{ income: [], expenses: [{ code: 5010, amount: '250' }], result: '-250' }],
    })
  })
})
