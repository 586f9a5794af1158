import { Histogram, type Registry } from 'prom-client'

/** What a process can say about its way to the ledger; times in seconds, as Prometheus counts them. */
export type LedgerMetrics = {
  /** A call committed: its units, and the time from sending it to its answer. */
  call(units: number, seconds: number): void
  /** A unit left the queue after this long. */
  wait(seconds: number): void
}

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5]

export function makeLedgerMetrics(registry: Registry): LedgerMetrics {
  const registers = [registry]
  const units = new Histogram({
    name: 'mooring_ledger_batch_units',
    help: 'Units a call to the ledger applied',
    buckets: [1, 2, 5, 10, 20, 50, 100, 200],
    registers,
  })
  const wait = new Histogram({
    name: 'mooring_ledger_wait_seconds',
    help: 'Time a unit waited for a connection',
    buckets: SECONDS,
    registers,
  })
  const commit = new Histogram({
    name: 'mooring_ledger_commit_seconds',
    help: 'Time from sending a call to the answer that it is committed',
    buckets: SECONDS,
    registers,
  })
  return {
    call(size, seconds) {
      units.observe(size)
      commit.observe(seconds)
    },
    wait: (seconds) => wait.observe(seconds),
  }
}
