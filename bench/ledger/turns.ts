import type { TransferInput } from '../../src/ledger/index.ts'
import { type Book, below, ids, oneOf } from './book.ts'
import type { Turn } from './drive.ts'

/** Reserve and confirm of one transfer, a unit each: two operations. */
function twoPhase(book: Book, pair: (turn: number) => { debit: string; credit: string }): Turn {
  return {
    async once(apply, turn) {
      const hold = ids.uuid()
      const subject = ids.make('pay')
      const { debit, credit } = pair(turn)
      const amount = String(1 + below(100_000))
      await apply(unit({ id: hold, ledger: book.ledger, kind: 'reserve', debit, credit, amount, subject }))
      await apply(unit({ id: ids.uuid(), ledger: book.ledger, kind: 'confirm', pending: hold, subject }))
    },
  }
}

function unit(transfer: TransferInput) {
  return { id: ids.uuid(), transfers: [transfer], ok: {} }
}

/** From any wallet to any other. */
export function randomPairs(book: Book): Turn {
  const count = book.wallets.length
  return twoPhase(book, () => {
    const payer = below(count)
    const payee = (payer + 1 + below(count - 1)) % count
    return { debit: book.wallets[payer] ?? '', credit: book.wallets[payee] ?? '' }
  })
}

/** From any wallet to one merchant and to one fee account, in turn: two accounts that every call needs. */
export function hotMerchant(book: Book): Turn {
  const [merchant = ''] = book.merchants
  return twoPhase(book, (turn) => ({ debit: oneOf(book.wallets), credit: turn % 2 === 0 ? merchant : book.revenue }))
}
