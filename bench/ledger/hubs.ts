import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Book } from './book.ts'
import { Sample } from './drive.ts'
import { said } from './said.ts'
import type { Database } from './server.ts'

export type Hubs = {
  /** The first so many of them at once, each with so many in flight. */
  run(count: number, load: { seconds: number; inFlight: number }): Promise<Sample>
  stop(): void
}

/** So many hubs' ledgers, each a process of its own. */
export async function startHubs(count: number, database: Database, book: Book, postmaster: number): Promise<Hubs> {
  const children = Array.from({ length: count }, () =>
    fork(fileURLToPath(new URL('./hub.ts', import.meta.url)), [], {
      execPath: process.execPath,
      env: {
        ...process.env,
        BENCH_HUB: database.hubUrl,
        BENCH_ADMIN: database.adminUrl,
        BENCH_BOOK: JSON.stringify({ ledger: book.ledger, wallets: book.wallets.length }),
        BENCH_POSTMASTER: String(postmaster),
      },
    }),
  )
  const stop = () => children.forEach((child) => void child.kill('SIGKILL'))
  try {
    await Promise.all(children.map(said))
  } catch (error) {
    stop()
    throw error
  }
  return {
    stop,
    run: async (some, load) => {
      const samples = await Promise.all(
        children.slice(0, some).map(async (child) => {
          child.send(load)
          return Sample.parse(await said(child))
        }),
      )
      return together(samples)
    },
  }
}

/** Rates add up; of latencies the worst counts. Each child saw all of Postgres' CPU and log, for its own units only. */
function together(samples: readonly Sample[]): Sample {
  const sum = (of: (sample: Sample) => number) => samples.reduce((total, sample) => total + of(sample), 0)
  const most = (of: (sample: Sample) => number) => Math.max(...samples.map(of))
  const units = sum((s) => s.unitsPerSecond)
  const perUnit = (of: (sample: Sample) => number) => sum((s) => of(s) * s.unitsPerSecond) / units
  return {
    turnsPerSecond: sum((s) => s.turnsPerSecond),
    unitsPerSecond: units,
    p50Ms: most((s) => s.p50Ms),
    p99Ms: most((s) => s.p99Ms),
    batch: perUnit((s) => s.batch),
    nodeUs: perUnit((s) => s.nodeUs),
    postgresUs: perUnit((s) => s.postgresUs) / samples.length,
    walBytes: perUnit((s) => s.walBytes) / samples.length,
    busy: perUnit((s) => s.busy),
  }
}
