import type { Log } from '../observe/log.ts'
import type { Sql } from './database.ts'
import { startRounds, untilShort, type Rounds } from './rounds.ts'

/** How old is old stands in functions/forget.sql, where the hub cannot change it. */
export const RETENTION_LIMITS = {
  every_ms: 60_000,
  /** Deleted in one go, and the pause after it. A thousand answers took 16 ms (median, on two busy cores). */
  rows: 1_000,
  gap_ms: 25,
} as const

type Forgotten = { answers: number; jtis: number }

/** Forgets all stored answers and used jtis that are old by now; any number of hubs may at once. */
export async function forgetOld(
  sql: Sql,
  { rows = RETENTION_LIMITS.rows, stopping }: { rows?: number; stopping?: AbortSignal } = {},
): Promise<Forgotten> {
  const bounds = { rows, gapMs: RETENTION_LIMITS.gap_ms, stopping }
  const answers = await untilShort(bounds, async (most) => {
    const [row] = await sql<{ n: number }[]>`select forget_answers(${most}) as n`
    return row?.n ?? 0
  })
  const jtis = await untilShort(bounds, async (most) => {
    const [row] = await sql<{ n: number }[]>`select forget_jtis(${most}) as n`
    return row?.n ?? 0
  })
  return { answers, jtis }
}

/** Forgets on a timer, in rounds that never overlap. */
export function startRetention({ sql, log }: { sql: Sql; log: Log }): Rounds {
  return startRounds({
    everyMs: RETENTION_LIMITS.every_ms,
    round: async (stopping) => void (await forgetOld(sql, { stopping })),
    failed: (error) => log.warn({ err: error }, 'what is old was not forgotten; it is tried again'),
  })
}
