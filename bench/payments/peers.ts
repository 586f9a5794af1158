import { fork } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import postgres from 'postgres'
import { said } from '../ledger/said.ts'
import { Measured } from './measure.ts'
import type { Place } from './place.ts'

/** A process that Mooring is compared with. */
export type Peer = {
  readonly pid: number
  run(job: { count: number; inFlight: number }): Promise<Measured>
  stop(): void
}

/** A bare eager workflow of three empty local activities. */
export function startBare({ dev }: Place): Promise<Peer> {
  return start(new URL('./bare.ts', import.meta.url), [dev.temporal.address, dev.temporal.namespace], {})
}

/** Three regular activities on a database of their own in the same Postgres, and the same bank. */
export async function startNaive(place: Place): Promise<Peer> {
  const { dev } = place
  return start(new URL('./naive.ts', import.meta.url), [], {
    BENCH_TEMPORAL: dev.temporal.address,
    BENCH_NAMESPACE: dev.temporal.namespace,
    BENCH_DATABASE: await freshDatabase(place.adminUrl, 'bench_naive'),
    BENCH_BANK: dev.sim.bank.url,
    BENCH_KEYS: join(place.dataDir, 'keys', 'hub'),
    BENCH_CURRENCY: dev.currency,
  })
}

async function freshDatabase(adminUrl: string, name: string): Promise<string> {
  const sql = postgres(adminUrl, { max: 1, onnotice: () => {} })
  try {
    await sql`drop database if exists ${sql(name)} with (force)`
    await sql`create database ${sql(name)}`
  } finally {
    await sql.end()
  }
  const url = new URL(adminUrl)
  url.pathname = `/${name}`
  return url.href
}

async function start(script: URL, args: string[], env: Record<string, string>): Promise<Peer> {
  const child = fork(fileURLToPath(script), args, {
    execPath: process.execPath,
    env: { ...process.env, ...env },
  })
  try {
    await said(child)
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
  return {
    pid: child.pid ?? 0,
    run: async (job) => {
      child.send(job)
      return Measured.parse(await said(child))
    },
    stop: () => void child.kill('SIGKILL'),
  }
}
