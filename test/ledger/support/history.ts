import { cashAccount, merchantPendingAccount, walletAccount } from '../../../src/domain/accounting/index.ts'
import { type Sql, type TransferInput, openDatabase } from '../../../src/ledger/index.ts'
import { type Books, ids, openBooks } from './books.ts'

/** Books with a few accounts, operators who look at their history, and a way to make them move. */
export type Stage = Omit<Books, 'post' | 'reserve' | 'end' | 'wallet' | 'merchant'> & {
  ops: Sql
  ids: typeof ids
  cash: string
  wallets: string[]
  merchant: string
  post(debit: string, credit: string, amount: number): Promise<string>
  reserve(debit: string, credit: string, amount: number): Promise<string>
  end(kind: 'confirm' | 'void', hold: string, amount?: number): Promise<string>
}

export async function openStage(wallets = 4): Promise<Stage> {
  const books = await openBooks()
  const ops = openDatabase({ url: books.database.url('mooring_ops'), name: 'test-ops', connections: 3 })
  const [cash = '', merchant = '', ...users] = await books.open(
    cashAccount('bank', 'trust'),
    merchantPendingAccount('coffee'),
    ...Array.from({ length: wallets }, (_, n) => walletAccount(`user${String(n)}`)),
  )
  const one = async (transfer: TransferInput) => {
    const result = await books.apply([transfer])
    if (result.code !== 'ok') throw new Error(JSON.stringify(result))
    return transfer.id
  }
  return {
    ...books,
    ops,
    ids,
    cash,
    merchant,
    wallets: users,
    post: (debit, credit, amount) => one(books.post(debit, credit, amount)),
    reserve: (debit, credit, amount) => one(books.reserve(debit, credit, amount)),
    end: (kind, hold, amount) => one(books.end(kind, hold, amount)),
    close: async () => {
      await ops.end({ timeout: 1 })
      await books.close()
    },
  }
}

/** Deterministic chance (mulberry32): a failure is repeated by its seed. */
export function chance(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4_294_967_296) * below)
  }
}

/** Random business: wallets are filled and spend, at once or held first; some holds stay open. */
export async function liveFor(stage: Stage, steps: number, seed: number): Promise<void> {
  const below = chance(seed)
  const holds: { id: string; amount: number }[] = []
  for (const wallet of stage.wallets) await stage.post(stage.cash, wallet, 1_000_000)
  for (let step = 0; step < steps; step++) {
    const payer = stage.wallets[below(stage.wallets.length)] ?? ''
    const payee = below(3) === 0 ? (stage.wallets.find((each) => each !== payer) ?? '') : stage.merchant
    const amount = 1 + below(500)
    const hold = holds.length > 0 ? holds[below(holds.length)] : undefined
    if (below(3) === 0) await stage.post(payer, payee, amount)
    else if (hold === undefined || below(2) === 0) {
      holds.push({ id: await stage.reserve(payer, payee, amount), amount })
    } else {
      holds.splice(holds.indexOf(hold), 1)
      if (below(2) === 0) await stage.end('void', hold.id)
      else await stage.end('confirm', hold.id, 1 + below(hold.amount))
    }
  }
}
