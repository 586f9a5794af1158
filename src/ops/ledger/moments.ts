import { z } from 'zod'
import { type AsOf, NotSealedYet, type Query, type Sql, positionOf } from '../../ledger/index.ts'
import type { Answer } from '../command.ts'
import { OpsRefusal } from '../refusal.ts'

/** A decided moment of history: after the transfer at this position. */
export type Moment = {
  position: bigint
  /** When that transfer was posted; null before the first. */
  at: Date | null
}

const IsoTime = z.iso.datetime({ offset: true })
/** Years of four digits: others are written in another way in ISO 8601 than in Postgres. */
const [FIRST_YEAR, LAST_YEAR] = [1, 9999]
const POSITION = /^(0|[1-9][0-9]{0,17})$/

/** @throws OpsRefusal for what is neither a time with its zone nor a position */
export function parseMoment(option: string, text: string | undefined): AsOf | undefined {
  if (text === undefined) return undefined
  if (POSITION.test(text)) return { position: BigInt(text) }
  if (IsoTime.safeParse(text).success) {
    const at = new Date(text)
    if (at.getUTCFullYear() >= FIRST_YEAR && at.getUTCFullYear() <= LAST_YEAR) return { at }
  }
  const expected = 'expected a time with its zone, as 2026-11-30T21:00:00Z, or a position'
  throw new OpsRefusal('bad_time', option, `"${text}" is neither; ${expected}`)
}

/** @throws OpsRefusal */
export function parsePosition(option: string, text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined
  if (POSITION.test(text)) return BigInt(text)
  throw new OpsRefusal('bad_position', option, `"${text}" is no position; expected the \`next\` of the page before`)
}

/**
 * The moment that was asked for; without one the last that is sealed.
 *
 * @throws OpsRefusal where transfers may still appear before it
 */
export async function momentOf(sql: Query, option: string, asked: AsOf | undefined): Promise<Moment> {
  let position: bigint
  try {
    position = await positionOf(sql, asked)
  } catch (error) {
    if (!(error instanceof NotSealedYet)) throw error
    const times =
      error.decidedAt === null
        ? ''
        : `, and times are decided up to ${error.decidedAt.toISOString()}: while a hub runs, some seconds behind`
    const message =
      `history is sealed up to ${sayMoment(await lastAt(sql, error.sealedUpTo))}. What is posted is sealed within ` +
      `about a second${times}.`
    throw new OpsRefusal('not_sealed_yet', option, message, { cause: error })
  }
  return lastAt(sql, position)
}

async function lastAt(sql: Query, position: bigint): Promise<Moment> {
  const [row] = await sql<{ at: Date }[]>`
    select at from transfers where position <= ${position.toString()} order by position desc limit 1`
  return { position, at: row?.at ?? null }
}

export function sayMoment({ position, at }: Moment): string {
  return `position ${String(position)}${at === null ? ', before the first transfer' : ` of ${at.toISOString()}`}`
}

/** Everything a command reads, as of one moment, however long it takes; nothing is written. */
export async function asOfOneMoment(sql: Sql, ask: (tx: Query) => Promise<Answer>): Promise<Answer> {
  return sql.begin('isolation level repeatable read read only', async (tx) => {
    await tx`set local statement_timeout = 0`
    return ask(tx)
  })
}
