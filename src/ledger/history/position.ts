import type { Query } from '../database.ts'

/** A moment of history: after the transfer at this position, or after the last one at this time or before. */
export type AsOf = { position: bigint } | { at: Date }

/** Asked for a moment that is not decided yet: transfers may still be committed before it. */
export class NotSealedYet extends Error {
  readonly sealedUpTo: bigint
  /** Times up to here can be named; null where a position was. */
  readonly decidedAt: Date | null
  constructor(asked: AsOf, sealedUpTo: bigint, decidedAt: Date | null = null) {
    const moment = 'at' in asked ? asked.at.toISOString() : `position ${String(asked.position)}`
    super(`${moment} is not sealed yet, history is sealed up to position ${String(sealedUpTo)}`)
    this.sealedUpTo = sealedUpTo
    this.decidedAt = decidedAt
  }
}

export async function sealedPosition(sql: Query): Promise<bigint> {
  const [row] = await sql<{ position: bigint }[]>`select position from sealed`
  if (row === undefined) throw new Error('the watermark of history is gone')
  return row.position
}

/**
 * The position of a moment; without one the last that is sealed.
 *
 * @throws NotSealedYet for a position beyond it, and for a time at or before which a transfer may still appear: what
 * is asked again is answered the same
 */
export async function positionOf(sql: Query, asOf?: AsOf): Promise<bigint> {
  if (asOf !== undefined && 'at' in asOf) return positionAt(sql, asOf)
  const sealed = await sealedPosition(sql)
  if (asOf === undefined) return sealed
  if (asOf.position > sealed) throw new NotSealedYet(asOf, sealed)
  return asOf.position
}

async function positionAt(sql: Query, asOf: { at: Date }): Promise<bigint> {
  // Whatever is decided and not sealed yet stands above the watermark for everyone to see.
  const [row] = await sql<{ position: bigint; sealed: bigint; decided: boolean; decidedAt: Date | null }[]>`
    select position_at(${asOf.at}) as position, s.position as sealed, ${asOf.at}::timestamptz <= s.decided_at
        and not unsealed_at(${asOf.at}) as decided,
      nullif(s.decided_at, '-infinity') as "decidedAt"
    from sealed s`
  if (row === undefined) throw new Error('the watermark of history is gone')
  if (!row.decided) throw new NotSealedYet(asOf, row.sealed, row.decidedAt)
  return row.position
}
