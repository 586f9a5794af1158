import { z } from 'zod'
import { makeLedger, openDatabase } from '../../src/ledger/index.ts'
import { bookOf, log } from './book.ts'
import { drive } from './drive.ts'
import { hotMerchant } from './turns.ts'

/** One hub's ledger in a process of its own, on the hot merchant; driven over IPC by bench/ledger/hubs.ts. */

const env = z
  .object({
    BENCH_HUB: z.string(),
    BENCH_ADMIN: z.string(),
    BENCH_BOOK: z.string(),
    BENCH_POSTMASTER: z.coerce.number(),
  })
  .parse(process.env)
const { ledger: id, wallets } = z.object({ ledger: z.number(), wallets: z.number() }).parse(JSON.parse(env.BENCH_BOOK))
const Job = z.object({ seconds: z.number(), inFlight: z.number() })

const sql = openDatabase({ url: env.BENCH_HUB, name: 'bench-hub', connections: 2 })
const admin = openDatabase({ url: env.BENCH_ADMIN, name: 'bench-meters', connections: 1 })
const ledger = makeLedger({ sql, log })
const turn = hotMerchant(bookOf(id, { wallets, merchants: 1 }))

process.on('message', (job) => {
  void drive(ledger, turn, Job.parse(job), { postmaster: env.BENCH_POSTMASTER, sql: admin }).then((sample) =>
    process.send?.(sample),
  )
})
process.on('disconnect', () => process.exit())
await ledger.syncClock()
process.send?.('ready')
