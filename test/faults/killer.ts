import type { Sql } from '../../src/ledger/index.ts'
import type { DevJson } from '../../tools/dev-json.ts'
import type { Patience } from '../../tools/demo/patience.ts'
import { identify } from '../../tools/process/identity.mjs'

export type Kill = { process: string; processing: number; atMs: number }

/** A kill counts only while so many payments are on their way. */
const PROCESSING = 10

/**
 * Kills processes, one after the other, each as soon as its share of the payments
 * has begun and enough of them are processing. A victim is back, as the supervisor
 * has it, before the next one dies.
 */
export async function killInTurn(options: {
  victims: readonly string[]
  dev: () => DevJson
  sql: Sql
  patience: Patience
  /** How much of the run has begun, 0 to 1. */
  begun: () => number
  say: (line: string) => void
}): Promise<Kill[]> {
  const { victims, dev, sql, patience, begun, say } = options
  const kills: Kill[] = []
  for (const [i, process] of victims.entries()) {
    const share = (i + 1) / (victims.length + 2)
    const processing = await patience.until(`${PROCESSING} payments processing, to kill ${process}`, async () => {
      if (begun() < share) return undefined
      const [row] = await sql<{ count: number }[]>`select count(*)::int from payments where status = 'processing'`
      return row !== undefined && row.count >= PROCESSING ? row.count : undefined
    })
    const pid = dev().pids[process]
    if (pid === undefined) throw new Error(`no process is called ${process}`)
    globalThis.process.kill(pid, 'SIGKILL')
    kills.push({ process, processing, atMs: performance.now() })
    say(`killed ${process} while ${processing} payments were processing`)
    await patience.until(`${process} to be back`, () => {
      const now = dev().pids[process]
      return now !== undefined && now !== pid && identify(now) !== undefined ? true : undefined
    })
  }
  return kills
}
