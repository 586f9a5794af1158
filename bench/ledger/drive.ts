import type { Ledger, Sql, Unit } from '../../src/ledger/index.ts'
import { z } from 'zod'
import { machineTicks, postgresCpuSeconds } from './cpu.ts'

/** Applies a unit that must succeed, and times it. */
export type Apply = (unit: Unit) => Promise<void>

/** What each slot does over and over. */
export type Turn = { once(apply: Apply, turn: number): Promise<void> }

/** Rate of turns and units of one run, latency of a unit, and where the time went. */
export const Sample = z.object({
  turnsPerSecond: z.number(),
  unitsPerSecond: z.number(),
  p50Ms: z.number(),
  p99Ms: z.number(),
  /** Units a call, on average. */
  batch: z.number(),
  /** CPU of this process and of Postgres (all its processes), and log written, for each unit. */
  nodeUs: z.number(),
  postgresUs: z.number(),
  walBytes: z.number(),
  /** Share of the machine's CPU that anybody used, from 0 to 1. */
  busy: z.number(),
})
export type Sample = z.infer<typeof Sample>

export type Meters = { postmaster: number; sql: Sql }

/** Keeps so many turns in flight for so long; a turn that began is finished, so no hold stays open. */
export async function drive(
  ledger: Ledger,
  turn: Turn,
  load: { seconds: number; inFlight: number },
  meters: Meters,
): Promise<Sample> {
  const times: number[] = []
  const apply: Apply = async (unit) => {
    const start = performance.now()
    const result = await ledger.apply(unit)
    times.push(performance.now() - start)
    if (result.code !== 'ok') throw new Error(`the ledger answered ${JSON.stringify(result)}`)
  }
  const before = await read(meters)
  const stats = ledger.stats()
  const cpu = process.cpuUsage()
  const machine = machineTicks()
  const began = performance.now()
  const until = began + load.seconds * 1_000
  let turns = 0
  await Promise.all(
    Array.from({ length: load.inFlight }, async () => {
      while (performance.now() < until) {
        turns += 1
        await turn.once(apply, turns)
      }
    }),
  )
  const seconds = (performance.now() - began) / 1_000
  const used = process.cpuUsage(cpu)
  const { all, busy } = machineTicks()
  const after = await read(meters)
  const done = ledger.stats()
  const units = times.length
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(units - 1, Math.floor(units * share))] ?? Number.NaN
  return {
    turnsPerSecond: turns / seconds,
    unitsPerSecond: units / seconds,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    batch: (done.units - stats.units) / (done.batches - stats.batches),
    nodeUs: (used.user + used.system) / units,
    postgresUs: ((after.cpuSeconds - before.cpuSeconds) * 1_000_000) / units,
    walBytes: Number(after.wal - before.wal) / units,
    busy: (busy - machine.busy) / (all - machine.all),
  }
}

async function read(meters: Meters): Promise<{ cpuSeconds: number; wal: bigint }> {
  const [row] = await meters.sql<{ wal: bigint }[]>`select (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint as wal`
  return { cpuSeconds: postgresCpuSeconds(meters.postmaster), wal: row?.wal ?? 0n }
}
