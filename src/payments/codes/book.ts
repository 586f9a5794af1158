import type { Columns, Sql } from '../../ledger/index.ts'
import { timestamp } from '../../domain/clock.ts'
import { Lanes } from '../../domain/lanes.ts'

/** What makes a device's codes, as the table has it. */
export type CodeRow = {
  device: string
  user_id: string
  number: string
  sealed: string
  version: number
  registered_at: Date
  untouched_count: number
  untouched_minor: bigint
  untouched_at: Date | null
  touched_at: Date | null
}

/** How often a code may be guessed at (protocol.md, Customer code). */
export const GUESS_LIMITS = {
  number_misses: 5,
  number_window_s: 600,
  merchant_misses: 20,
  merchant_window_s: 3_600,
} as const

/**
 * Codes that are judged at once by this hub, and that wait for it. Whoever is judged has a connection to the database, and
 * keeps it while another hub judges a code of the same merchant or number: of a merchant it is one at a time here.
 */
const JUDGING = { lanes: 2, owners: 400, behindOne: 200, behindAll: 400 }

/** `busy`: too many wait to be judged; it was neither judged nor counted. */
export type Verdict = { verdict: 'right' | 'wrong' | 'busy' } | { verdict: 'blocked'; retryAfterMs: number }

export type CodeBook = ReturnType<typeof makeCodeBook>

/** Reads of codes, and what is written of them beside units. */
export function makeCodeBook(sql: Sql) {
  const judging = new Lanes(JUDGING)

  async function judgeNow(merchant: string, number: string, right: boolean): Promise<Verdict> {
    const limits = GUESS_LIMITS
    const [row] = await sql<{ verdict: 'right' | 'wrong' | 'blocked'; retry_after_ms: number | null }[]>`
      select * from judge_code(${merchant}, ${number}, ${right},
        ${limits.number_misses}, make_interval(secs => ${limits.number_window_s}),
        ${limits.merchant_misses}, make_interval(secs => ${limits.merchant_window_s}))`
    if (row === undefined) throw new Error('a judgement is one row')
    if (row.verdict !== 'blocked') return { verdict: row.verdict }
    return { verdict: 'blocked', retryAfterMs: Math.max(1, Math.ceil(row.retry_after_ms ?? 0)) }
  }

  return {
    async ofDevice(device: string): Promise<CodeRow | null> {
      const rows = await sql<CodeRow[]>`select * from codes where device = ${device}`
      return rows[0] ?? null
    },

    /** Null also where its device may not pay, or its user is no more: then its code is no code. */
    async ofNumber(number: string): Promise<CodeRow | null> {
      const rows = await sql<CodeRow[]>`
        select c.* from codes c
        join devices d on d.id = c.device and d.user_id = c.user_id
        join users u on u.id = c.user_id
        where c.number = ${number} and u.status = 'active'
          and (d.status = 'active' or (d.status = 'restricted' and d.restricted_until <= clock_timestamp()))`
      return rows[0] ?? null
    },

    async isUsed(use: { device: string; jti: string }): Promise<boolean> {
      const rows = await sql`select from used_jtis where device = ${use.device} and jti = ${use.jti}`
      return rows.length > 0
    },

    /** Counts a wrong one, and says whether a right one may be taken: in turn for each merchant and number. */
    judge: async (merchant: string, number: string, right: boolean): Promise<Verdict> =>
      (await judging.run(merchant, () => judgeNow(merchant, number, right))) ?? { verdict: 'busy' },

    /** Which of these devices have paid by code alone since a payment was last signed there. */
    async untouched(devices: readonly string[]): Promise<string[]> {
      const rows = await sql<{ device: string }[]>`
        select c.device from jsonb_array_elements_text(${JSON.stringify(devices)}::text::jsonb) d(device)
        join codes c on c.device = d.device
        where c.untouched_count > 0 and (c.touched_at is null or c.touched_at < c.untouched_at)`
      return rows.map(({ device }) => device)
    },

    async touch(device: string, nowMs: number): Promise<void> {
      await sql`update codes set touched_at = ${timestamp(nowMs)} where device = ${device}`
    },
  }
}

/** A row as a unit writes it. */
export function codeColumns(row: CodeRow): Columns<'code'> {
  return {
    user_id: row.user_id,
    number: row.number,
    sealed: row.sealed,
    version: row.version,
    registered_at: timestamp(row.registered_at.getTime()),
    untouched_count: row.untouched_count,
    untouched_minor: row.untouched_minor.toString(),
    untouched_at: row.untouched_at === null ? null : timestamp(row.untouched_at.getTime()),
  }
}
