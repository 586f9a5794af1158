import { writeSync } from 'node:fs'
import { LedgerUnavailable, makeLedger, openDatabase } from '../../../src/ledger/index.ts'
import { makeLog } from '../../../src/observe/log.ts'
import { neededBy, plannedUnit, type Plan } from './plan.ts'

/**
 * A process that applies planned units and writes to stdout (a file), one number a line, which were acknowledged. It
 * is made to be killed. When its stdin ends it takes no new ones, answers those it has, and ends.
 */
const IN_FLIGHT = 64

type Job = { url: string; plan: Plan; /** Sent before and not heard of. */ again: number[]; from: number }

function given(): Job {
  // The parent's own JSON.
  return JSON.parse(process.argv[2] ?? '') as Job
}

const { url, plan, again, from } = given()
const sql = openDatabase({ url, name: 'applier', connections: 2 })
const ledger = makeLedger({ sql, log: makeLog({ name: 'applier', level: 'silent' }) })

let ending = false
process.stdin.on('end', () => (ending = true)).resume()

const sent = new Map<number, Promise<void>>()

async function apply(n: number): Promise<void> {
  const needed = neededBy(n)
  if (needed !== undefined) await sent.get(needed)
  for (;;) {
    try {
      const { code } = await ledger.apply(plannedUnit(plan, n))
      writeSync(1, code === 'ok' ? `${String(n)}\n` : `${String(n)} ${code}\n`)
      return
    } catch (error) {
      // Its outcome is not known: the same unit again, as any caller would.
      if (!(error instanceof LedgerUnavailable)) throw error
    }
  }
}

function send(n: number): Promise<void> {
  const done = apply(n)
  sent.set(n, done)
  return done
}

await Promise.all(again.map(send))
let next = from
async function work(): Promise<void> {
  while (!ending) await send(next++)
}
await Promise.all(Array.from({ length: IN_FLIGHT }, work))
await ledger.drain()
await sql.end()
