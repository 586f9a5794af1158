import {
  capitalAccount,
  cashAccount,
  feeRevenueAccount,
  merchantPendingAccount,
  railExpenseAccount,
  walletAccount,
} from '../../../src/domain/accounting/index.ts'
import { type TransferInput, ensureLedger, openDatabase, sealWhatIsThere } from '../../../src/ledger/index.ts'
import { type Books, openBooks } from '../../ledger/support/books.ts'
import { behindTriggers } from '../../ledger/support/history.ts'

/** When the transfer at this position was posted. */
export const timeOf = (position: number): string => `2026-01-01T00:0${String(position)}:00.000Z`

/** Two ledgers in which little has happened, a minute apart, all of it sealed; what it comes to is in the tests. */
export type SmallBook = { books: Books; transfers: string[] }

export async function openSmallBook(): Promise<SmallBook> {
  const books = await openBooks()
  const [own = '', trust = '', capital = '', amina = '', coffee = '', fees = '', charges = ''] = await books.open(
    cashAccount('bank', 'own'),
    cashAccount('bank', 'trust'),
    capitalAccount(),
    walletAccount('amina'),
    merchantPendingAccount('coffee'),
    feeRevenueAccount(),
    railExpenseAccount('bank'),
  )
  const shillings = (await ensureLedger(books.owner, 'UGX', 0)).id
  const [dfcu = '', grace = ''] = await books.accounts.ensure(shillings, [
    cashAccount('bank', 'trust'),
    walletAccount('grace'),
  ])
  const transfers: string[] = []
  const apply = async (...unit: TransferInput[]) => {
    const result = await books.apply(unit)
    if (result.code !== 'ok') throw new Error(JSON.stringify(result))
    transfers.push(...unit.map(({ id }) => id))
  }
  await apply(books.post(own, capital, 1_000_000))
  await apply(books.post(trust, amina, 50_000))
  await apply(books.post(amina, coffee, 12_160), books.post(amina, fees, 185))
  await apply(books.post(charges, own, 250))
  await apply(books.reserve(amina, coffee, 5_000))
  await apply({ ...books.post(dfcu, grace, 20_000), ledger: shillings })
  await behindTriggers(
    books.owner,
    'transfers',
    (tx) =>
      tx`update transfers set at = '2026-01-01T00:00:00Z'::timestamptz + make_interval(mins => position::integer)`,
  )
  const ops = openDatabase({ url: books.database.url('mooring_ops'), name: 'test-ops', connections: 1 })
  const sealed = await sealWhatIsThere(ops, { withinMs: 10_000 })
  await ops.end({ timeout: 1 })
  if (sealed !== BigInt(transfers.length)) throw new Error(`history is sealed up to ${String(sealed)}`)
  return { books, transfers }
}
