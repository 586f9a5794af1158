import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import type { Say } from '../paths.ts'
import { identify, isRunning } from '../process/identity.mjs'

/** What runs for a data directory, by pid and start time; a killed supervisor's successor ends it by this list. */
const Record = z.object({ name: z.string(), server: z.boolean(), pid: z.number().int(), startedAt: z.string() })
type Record = z.infer<typeof Record>

/** The guardian of the killed supervisor is about it already; this is as long as it takes at most. */
const GUARDIAN_MS = 15_000
export const GUARDIAN = 'guardian'
const POLL_MS = 50
const STAGES = [
  { server: false, signal: 'SIGTERM', patienceMs: 5_000 },
  { server: true, signal: 'SIGINT', patienceMs: 10_000 },
] as const

const recordsPath = (dataDir: string): string => join(dataDir, 'processes.json')

export function writeRecords(dataDir: string, running: { name: string; server: boolean; pid: number }[]): void {
  const records = running.flatMap(({ name, server, pid }): Record[] => {
    const identity = identify(pid)
    return identity === undefined ? [] : [{ name, server, ...identity }]
  })
  const path = recordsPath(dataDir)
  writeFileSync(`${path}.new`, JSON.stringify(records), { mode: 0o600 })
  renameSync(`${path}.new`, path)
}

export function removeRecords(dataDir: string): void {
  rmSync(recordsPath(dataDir), { force: true })
}

function readRecords(dataDir: string): Record[] {
  try {
    return z.array(Record).parse(JSON.parse(readFileSync(recordsPath(dataDir), 'utf8')))
  } catch {
    return []
  }
}

async function goneWithin(records: Record[], timeoutMs: number): Promise<Record[]> {
  const until = Date.now() + timeoutMs
  for (;;) {
    const left = records.filter(isRunning)
    if (left.length === 0 || Date.now() > until) return left
    await delay(POLL_MS)
  }
}

function signalAll(records: Record[], signal: NodeJS.Signals): void {
  for (const { pid } of records) {
    try {
      process.kill(pid, signal)
    } catch {
      // gone meanwhile
    }
  }
}

/** Ends what a supervisor that was killed left running on this data directory. To be called with the lock held. */
export async function endLeftovers(dataDir: string, say: Say): Promise<void> {
  const found = readRecords(dataDir).filter(isRunning)
  if (found.length > 0) say(`ending what an earlier start left: ${found.map(({ name }) => name).join(', ')}`)
  await goneWithin(
    found.filter(({ name }) => name === GUARDIAN),
    GUARDIAN_MS,
  )
  const left = found.filter(isRunning)
  for (const { server, signal, patienceMs } of STAGES) {
    const stage = left.filter((record) => record.server === server && isRunning(record))
    signalAll(stage, signal)
    const stubborn = await goneWithin(stage, patienceMs)
    signalAll(stubborn, 'SIGKILL')
    await goneWithin(stubborn, patienceMs)
  }
  removeRecords(dataDir)
}
