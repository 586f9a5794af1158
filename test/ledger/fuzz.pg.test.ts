import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { cashAccount, walletAccount } from '../../src/domain/accounting/index.ts'
import { type Sql, audit, ensureLedger, makeLedger, makeLimitBook, openDatabase, seal } from '../../src/ledger/index.ts'
import { MERCHANT } from './model/payments.ts'
import type { Counters } from './model/tally.ts'
import { turmoil } from './model/turmoil.ts'
import { type Books, ids, openBooks } from './support/books.ts'

/** FUZZ_MS: for how long; FUZZ_SEED: what is drawn (how the draws meet is the machine's affair). */
const FOR_MS = Number(process.env['FUZZ_MS'] ?? 5_000)
const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 1_000_000_000)
const PROCESSES = 4
const CONNECTIONS = 2
const WORKERS = 48

let books: Books
let pools: Sql[]
beforeAll(async () => {
  books = await openBooks()
  // One feed that all orders are told to, whoever pays them.
  await books.owner`insert into followed_feeds (feed, complete_from) values (${MERCHANT}, clock_timestamp())`
  pools = Array.from({ length: PROCESSES }, (_, n) =>
    openDatabase({ url: books.database.url('mooring_hub'), name: `fuzz-${String(n)}`, connections: CONNECTIONS }),
  )
})
afterAll(async () => {
  await Promise.all(pools.map((sql) => sql.end({ timeout: 1 })))
  await books.close()
})

const Warning = z.object({ err: z.object({ code: z.string() }) })
/** Codes of the errors for which a batch was sent again. */
const sentAgain: string[] = []
const log = pino(
  { level: 'warn' },
  {
    write(line: string) {
      sentAgain.push(Warning.parse(JSON.parse(line)).err.code)
    },
  },
)

/** mulberry32 */
function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

async function deadlocks(): Promise<number> {
  const [row] = await books.owner<{ n: number }[]>`
    select deadlocks::int as n from pg_stat_database where datname = current_database()`
  return row?.n ?? -1
}

/** Seals and audits again and again: the books are whole at every moment, not only when all is quiet. */
function startAuditor() {
  let running = true
  const breaches: string[] = []
  let audits = 0
  const rounds = (async () => {
    while (running) {
      await seal(books.owner)
      const report = await audit(books.owner)
      breaches.push(...report.breaches.map(({ invariant, what }) => `${invariant}: ${what}`))
      audits += 1
    }
  })()
  return {
    async stop() {
      running = false
      await rounds
      return { audits, breaches }
    },
  }
}

test(
  `eight connections, few accounts, all kinds of units at once (seed ${String(SEED)})`,
  { timeout: 2 * FOR_MS + 60_000 },
  async () => {
    const users = Array.from({ length: 5 }, () => ids.make('usr'))
    const [cash = '', ...wallets] = await books.open(
      cashAccount('bank', 'trust'),
      ...users.map((user) => walletAccount(user)),
    )
    const merchants = [await books.merchant(), await books.merchant()]
    const limitsLedger = await ensureLedger(books.owner, 'KES', 2, 'limits')
    const ledgers = pools.map((sql) => makeLedger({ sql, log }))
    const limits = makeLimitBook({ accounts: books.accounts, ids, ledgerId: limitsLedger.id })
    const place = {
      cash,
      ledgers,
      limits,
      accounts: books.accounts,
      ids,
      ledger: books.book,
      users,
      wallets,
      merchants,
      random: seeded(SEED),
    }
    const before = await deadlocks()

    const auditing = startAuditor()
    const seen = await turmoil(place, { workers: WORKERS, forMs: FOR_MS })
    const { audits, breaches } = await auditing.stop()
    expect(breaches).toEqual([])
    expect(audits).toBeGreaterThan(1)
    await Promise.all(ledgers.map((one) => one.drain()))
    // A backend tells of its deadlocks when it ends, if not before.
    await Promise.all(pools.map((sql) => sql.end()))
    expect(sentAgain).not.toContain('40P01')
    expect(await deadlocks()).toBe(before)

    expect(seen.differing).toEqual([])
    expect([...seen.granted].filter(([, times]) => times !== 1)).toEqual([])
    expect(await counters()).toEqual(Object.fromEntries([...seen.tally.counters].map(([id, sums]) => [id, text(sums)])))
    expect(await transfers()).toEqual([...seen.tally.transfers].toSorted())
    expect(await feeds()).toEqual(
      Object.fromEntries([...seen.events].map(([feed, n]) => [feed, `1 ${String(n)} ${String(n)}`])),
    )
    expect(await payments()).toEqual(
      Object.fromEntries(
        seen.payments.map(({ payment: p, attempt }) => [
          p.id,
          `${p.status} ${String(p.version)} ${attempt?.state ?? '-'}`,
        ]),
      ),
    )
    expect((await audit(books.owner)).breaches).toEqual([])
    for (const code of MUST_HAPPEN) expect([...seen.codes.keys()]).toContain(code)
  },
)

/** What a run of some seconds always meets; without these it would prove little. */
const MUST_HAPPEN = [
  'spend ok',
  'spend refused',
  'gather ok',
  'again ok',
  'confirm ok',
  'confirm refused',
  'void ok',
  'expire ok',
  'limited ok',
  'limited refused',
  'key ok',
  'key replayed',
  'key key_reused',
  'jti ok',
  'jti jti_used',
  'source ok',
  'source conflict',
  'order ok',
  'order conflict',
  'move ok',
  'move guard_failed',
]

type Rows = { name: string; is: string }[]
const asRecord = (rows: Rows): Record<string, string> => Object.fromEntries(rows.map(({ name, is }) => [name, is]))
const text = ({ dp, dd, cp, cc }: Counters): string => [dp, dd, cp, cc].join(' ')

/** Of every account that anything happened to. */
async function counters(): Promise<Record<string, string>> {
  const rows = await books.owner<Rows>`
    select id as name, concat_ws(' ', debits_pending, debits_posted, credits_pending, credits_posted) as is
    from accounts where id in (select debit_account from transfers where subject = 'fuzz' or subject like 'pay%' union all
      select credit_account from transfers where subject = 'fuzz' or subject like 'pay%')`
  return asRecord(rows)
}

async function transfers(): Promise<string[]> {
  const rows = await books.owner<{ id: string }[]>`select id from transfers`
  return rows.map(({ id }) => id).toSorted()
}

/** First, last and how many: numbered from 1 without holes. */
async function feeds(): Promise<Record<string, string>> {
  return asRecord(
    await books.owner<Rows>`
    select feed as name, concat_ws(' ', min(seq), max(seq), count(*)) as is from outbox group by feed`,
  )
}

async function payments(): Promise<Record<string, string>> {
  return asRecord(
    await books.owner<Rows>`
    select p.id as name, concat_ws(' ', p.status, p.version, coalesce(a.state, '-')) as is
    from payments p left join attempts a on a.payment = p.id`,
  )
}
