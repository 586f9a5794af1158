import type { Query } from '../database.ts'

/** A moment of history: after the transfer at this position, or after the last one at this time or before. */
export type AsOf = { position: bigint } | { at: Date }

/** Asked for a moment that is not decided yet: transfers may still be committed before it. */
export class NotSealedYet extends Error {
  readonly sealedUpTo: bigint
  constructor(asked: bigint, sealedUpTo: bigint) {
    super(`position ${String(asked)} is not sealed yet, history is sealed up to ${String(sealedUpTo)}`)
    this.sealedUpTo = sealedUpTo
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
 * @throws NotSealedYet for a position beyond it
 */
export async function positionOf(sql: Query, asOf?: AsOf): Promise<bigint> {
  if (asOf !== undefined && 'at' in asOf) {
    const [row] = await sql<{ position: bigint }[]>`select position_at(${asOf.at}) as position`
    return row?.position ?? 0n
  }
  const sealed = await sealedPosition(sql)
  if (asOf === undefined) return sealed
  if (asOf.position > sealed) throw new NotSealedYet(asOf.position, sealed)
  return asOf.position
}
