import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import postgres from 'postgres'
import { z } from 'zod'
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
  return start('./bare.ts', [dev.temporal.address, dev.temporal.namespace], {})
}

/** Three regular activities on a database of their own in the same Postgres, and the same bank. */
export async function startNaive(place: Place): Promise<Peer> {
  const { dev } = place
  return start('./naive.ts', [], {
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

async function start(script: string, args: string[], env: Record<string, string>): Promise<Peer> {
  const child = fork(fileURLToPath(new URL(script, import.meta.url)), args, {
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

/** What a child says next; its end is an error. */
async function said(child: ChildProcess): Promise<unknown> {
  const ended = new AbortController()
  const exit = once(child, 'exit', { signal: ended.signal }).then(() => {
    throw new Error('a peer of the bench ended')
  })
  const message = once(child, 'message', { signal: ended.signal })
  try {
    const [first] = z
      .tuple([z.unknown()])
      .rest(z.unknown())
      .parse(await Promise.race([message, exit]))
    return first
  } finally {
    exit.catch(() => {})
    message.catch(() => {})
    ended.abort()
  }
}
