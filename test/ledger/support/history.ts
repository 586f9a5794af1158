import { cashAccount, merchantPendingAccount, walletAccount } from '../../../src/domain/accounting/index.ts'
import {
  type Query,
  type Sql,
  type TransferInput,
  makeAccountBook,
  openDatabase,
  seal,
  sweepShards,
} from '../../../src/ledger/index.ts'
import { until } from '../../support/until.ts'
import { type Books, ids, openBooks } from './books.ts'

/** Books with a few accounts, operators who look at their history, and a way to make them move. */
export type Stage = Omit<Books, 'post' | 'reserve' | 'end' | 'wallet' | 'merchant'> & {
  ops: Sql
  ids: typeof ids
  cash: string
  wallets: string[]
  merchant: string
  /** Rows beside `merchant` that only take in for it. */
  shards: string[]
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
  const shards = new Set<string>()
  const coffee = { debit: cashAccount('bank', 'trust'), credit: merchantPendingAccount('coffee') }
  for (const process of [1, 2]) {
    const [leg] = await makeAccountBook(books.hub, process).ensureLegs(books.book, [coffee], 'test')
    if (leg !== undefined) shards.add(leg.credit)
  }
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
    shards: [...shards],
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

/**
 * Random business: wallets are filled and spend, at once or held first; some holds stay open. The merchant takes in
 * over all of its rows, which are swept, and gives a little back.
 */
export async function liveFor(stage: Stage, steps: number, seed: number): Promise<void> {
  const below = chance(seed)
  const tills = [stage.merchant, ...stage.shards]
  const holds: { id: string; amount: number }[] = []
  for (const wallet of stage.wallets) await stage.post(stage.cash, wallet, 1_000_000)
  for (let step = 0; step < steps; step++) {
    const payer = oneOf(stage.wallets, below)
    const payee = below(3) === 0 ? (stage.wallets.find((each) => each !== payer) ?? '') : oneOf(tills, below)
    const amount = 1 + below(500)
    const hold = holds.length > 0 ? oneOf(holds, below) : undefined
    if (step % SWEEP_EVERY === SWEEP_EVERY - 1) {
      await sweepShards({ sql: stage.hub, ledger: stage.ledger, ids })
      await stage.post(stage.merchant, payer, 1)
    }
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

const SWEEP_EVERY = 40

export function oneOf<T>(all: readonly T[], below: (limit: number) => number): T {
  const one = all[below(all.length)]
  if (one === undefined) throw new Error('nothing to choose from')
  return one
}

/** Gives every transfer a time of its own, a minute apart from `from` on; of ten that follow each other in disorder. */
export async function spreadOverMinutes(owner: Sql, from: Date): Promise<void> {
  await behindTriggers(owner, 'transfers', async (tx) => {
    await tx`
      update transfers
      set at = ${from}::timestamptz + make_interval(mins => (position / 10 * 10 + position * 7 % 10)::integer)`
  })
}

/** What the owner of a table can do who switches its triggers off. */
export async function behindTriggers(owner: Sql, table: string, act: (tx: Query) => Promise<unknown>): Promise<void> {
  await owner.begin(async (tx) => {
    await tx`alter table ${tx(table)} disable trigger user`
    await act(tx)
    await tx`alter table ${tx(table)} enable trigger user`
  })
}

/** Seals all there is in calls of odd sizes, so that blocks and checkpoints fall anywhere. */
export async function sealInPieces(sql: Sql, below: (limit: number) => number): Promise<void> {
  await until(
    async () => {
      await seal(sql, 1 + below(300))
      const [row] = await sql<{ left: bigint }[]>`
      select count(*) as left from transfers where position > (select position from sealed)`
      return row?.left === 0n
    },
    { timeout_ms: 30_000, what: 'all of history is sealed' },
  )
}

/** What is in history and in no seal, what is in a seal and not in history, and what was sealed twice. */
export async function sealingDifferences(owner: Sql): Promise<string[]> {
  const rows = await owner<{ what: string }[]>`
    with entries as (
      select s.ledger, encode(substr(s.entries, n * 32 + 1, 16), 'hex')::uuid as id, count(*) as times
      from seals s cross join lateral generate_series(0, s.count - 1) n
      group by 1, 2
    )
    select case when e.times > 1 then 'sealed twice: ' || e.id
      else coalesce('not sealed: ' || t.id, 'not in history: ' || e.id) end as what
    from (select * from transfers where position <= (select position from sealed)) t
    full join entries e on e.id = t.id and e.ledger = t.ledger
    where t.id is null or e.id is null or e.times > 1`
  return rows.map(({ what }) => what)
}
