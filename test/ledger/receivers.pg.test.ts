import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { merchantPendingAccount, walletAccount } from '../../src/domain/accounting/index.ts'
import { type TransferInput, type Unit, accountId, audit } from '../../src/ledger/index.ts'
import { confirm, holdTransfers } from '../../src/payments/moves.ts'
import { newAttemptColumns, newPaymentColumns } from '../../src/payments/row-columns.ts'
import type { AttemptRow, PaymentRow } from '../../src/payments/rows.ts'
import { attemptRow, paymentRow } from './model/payments.ts'
import { type Books, ids, openBooks } from './support/books.ts'

/** L5: what a payment moves goes to whom it is for, and our fee to us, as the payment says. */
let books: Books
beforeAll(async () => {
  books = await openBooks()
})
afterAll(() => books.close())

const MERCHANT = 'mer_receivers'

type Made = { payment: PaymentRow; attempt: AttemptRow | null; user: string }

/** A payment that was accepted just now, of 1,000 with a fee of 20 where a merchant is paid. */
async function accepted(kind: PaymentRow['kind'], source: 'wallet' | 'bank'): Promise<Made> {
  const user = ids.make('usr')
  const [cash = '', wallet = ''] = await books.open(
    { code: 1010, name: 'cash:bank:trust', owner: null, debitsMustNotExceedCredits: false },
    walletAccount(user),
  )
  await books.apply([books.post(cash, wallet, 5_000)])
  const base = paymentRow({
    id: ids.make('pay'),
    ledger: books.book,
    kind: 'transfer',
    user,
    to: ids.make('usr'),
    amount: 1_000n,
  })
  const payment: PaymentRow = {
    ...base,
    kind,
    source_type: source,
    ...(kind === 'purchase' ? { payee: MERCHANT, merchant: MERCHANT, fee: 20n } : {}),
    ...(kind === 'topup' || kind === 'withdrawal' ? { payee: 'self' } : {}),
  }
  const operation = kind === 'withdrawal' ? ('payOut' as const) : ('collect' as const)
  return { payment, attempt: source === 'wallet' ? null : attemptRow(payment, operation, ids.uuid()), user }
}

/** Places the hold, changed where somebody wrote it wrongly, and confirms it. */
async function live(
  { payment, attempt }: Made,
  options: { wrong?: (hold: TransferInput) => TransferInput; confirmed: boolean },
): Promise<void> {
  const { wrong = (hold) => hold, confirmed } = options
  const holds = await holdTransfers(payment, attempt?.rail ?? null, ids, books.accounts)
  const born: Unit = {
    id: ids.uuid(),
    transfers: holds.map(wrong),
    ok: {
      new_payment: newPaymentColumns(payment),
      ...(attempt === null ? {} : { new_attempt: newAttemptColumns(attempt) }),
    },
  }
  expect(await books.ledger.apply(born)).toEqual({ code: 'ok' })
  if (!confirmed) return
  if (attempt !== null) {
    await books.owner`
      update attempts set state = 'settled', dispatch_token = ${ids.uuid()} where payment = ${payment.id}`
  }
  const unit = confirm({ payment, attempt, holds }, ids, Date.now())
  expect(await books.ledger.apply(unit)).toEqual({ code: 'ok' })
}

/** What the audit says of where its money goes; that somebody is no party to it at all, it says besides. */
async function found(payment: PaymentRow): Promise<string[]> {
  const { breaches } = await audit(books.owner)
  return breaches
    .filter(({ invariant, what }) => invariant === 'L5' && what.includes(payment.id))
    .map(({ what }) => what)
    .filter((what) => !what.includes('which is no party to it'))
}

describe.each([
  ['held', false],
  ['posted', true],
])('of what is %s', (word, confirmed) => {
  test.each([
    ['purchase', 'wallet'],
    ['purchase', 'bank'],
    ['transfer', 'wallet'],
    ['topup', 'bank'],
    ['withdrawal', 'bank'],
  ] as const)('a %s from a %s is as it says', async (kind, source) => {
    const made = await accepted(kind, source)
    await live(made, { confirmed })
    expect(await found(made.payment)).toEqual([])
  })

  test('a merchant that is not its payee is named', async () => {
    const made = await accepted('purchase', 'wallet')
    const [other = ''] = await books.open(merchantPendingAccount('mer_other'))
    const wrong = (hold: TransferInput) => (hold.amount === '980' ? { ...hold, credit: other } : hold)
    await live(made, { wrong, confirmed })
    expect(await found(made.payment)).toEqual([
      `payment ${made.payment.id}: ${word} for merchant:${MERCHANT}:pending 0 where 980 belongs, for fees 20 where 20 belongs`,
    ])
  })

  test('a fee that is not the one agreed is named, from the wallet and from the bank', async () => {
    for (const source of ['wallet', 'bank'] as const) {
      const made = await accepted('purchase', source)
      const wrong = (hold: TransferInput) => ({ ...hold, amount: hold.amount === '980' ? '970' : '30' })
      await live(made, { wrong, confirmed })
      expect(await found(made.payment)).toEqual([
        `payment ${made.payment.id}: ${word} for merchant:${MERCHANT}:pending 970 where 980 belongs, for fees 30 where 20 belongs`,
      ])
    }
  })

  test('a fee that goes elsewhere is named', async () => {
    const made = await accepted('purchase', 'wallet')
    const [wallet = ''] = await books.open(walletAccount(ids.make('usr')))
    await live(made, { wrong: (hold) => (hold.amount === '20' ? { ...hold, credit: wallet } : hold), confirmed })
    expect(await found(made.payment)).toEqual([
      `payment ${made.payment.id}: ${word} for merchant:${MERCHANT}:pending 980 where 980 belongs, for fees 0 where 20 belongs`,
    ])
  })

  test.each([
    ['transfer', 'wallet', (made: Made) => `wallet:${made.payment.payee}`],
    ['topup', 'bank', (made: Made) => `wallet:${made.user}`],
    ['withdrawal', 'bank', (made: Made) => `clearing:${made.attempt?.rail ?? ''}`],
  ] as const)('a %s that goes to somebody else is named', async (kind, source, payee) => {
    const made = await accepted(kind, source)
    const [wallet = ''] = await books.open(walletAccount(ids.make('usr')))
    await live(made, { wrong: (hold) => ({ ...hold, credit: wallet }), confirmed })
    expect(await found(made.payment)).toEqual([
      `payment ${made.payment.id}: ${word} for ${payee(made)} 0 where 1000 belongs, for fees 0 where 0 belongs`,
    ])
  })

  test('somebody else who pays is named', async () => {
    const [made, other] = [await accepted('transfer', 'wallet'), await accepted('transfer', 'wallet')]
    const debit = accountId(books.book, walletAccount(other.user).name)
    await live(made, { wrong: (hold) => ({ ...hold, debit }), confirmed })
    expect(await found(made.payment)).toEqual([
      `payment ${made.payment.id}: ${word} for wallet:${made.payment.payee} 1000 where 1000 belongs, for fees 0 where 0 belongs, 1000 of it not from wallet:${made.user}`,
    ])
  })
})

test('a payment without a hold is not confirmed, and one whose legs are not what its state holds is not accepted', async () => {
  const bought = await accepted('purchase', 'wallet')
  await expect(holdTransfers({ ...bought.payment, payer_fee: 5n }, null, ids, books.accounts)).rejects.toThrow(
    'illegal_postings',
  )
  const { payment } = await accepted('transfer', 'wallet')
  expect(() => confirm({ payment, attempt: null, holds: [] }, ids, Date.now())).toThrow('no hold')
  const before: PaymentRow = { ...payment, status: 'requires_action' }
  await expect(holdTransfers(payment, null, ids, books.accounts, before)).rejects.toThrow('illegal_postings')
  const asked: PaymentRow = { ...before, accepted_at: null }
  expect(await holdTransfers(payment, null, ids, books.accounts, asked)).toHaveLength(1)
})
