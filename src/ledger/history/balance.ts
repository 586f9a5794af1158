import type { Query } from '../database.ts'
import { type AsOf, positionOf } from './position.ts'

/** An account's four counters, minor units. */
export type Counters = {
  debitsPendingMinor: bigint
  debitsPostedMinor: bigint
  creditsPendingMinor: bigint
  creditsPostedMinor: bigint
}

/**
 * What an account's counters were at a moment of history; an account of several shards is read as one by its `main`.
 * One checkpoint and fewer than 256 lines a shard, however long its history.
 *
 * @throws NotSealedYet
 */
export async function balanceAsOf(sql: Query, account: string, asOf?: AsOf): Promise<Counters & { position: bigint }> {
  const position = await positionOf(sql, asOf)
  return { position, ...(await countersAt(sql, account, position)) }
}

/** The same for a position that is known to be sealed. */
export async function countersAt(sql: Query, account: string, position: bigint): Promise<Counters> {
  const [row] = await sql<Counters[]>`
    select coalesce(sum(b.debits_pending), 0)::bigint as "debitsPendingMinor",
      coalesce(sum(b.debits_posted), 0)::bigint as "debitsPostedMinor",
      coalesce(sum(b.credits_pending), 0)::bigint as "creditsPendingMinor",
      coalesce(sum(b.credits_posted), 0)::bigint as "creditsPostedMinor"
    from accounts a cross join lateral balance_at(a.id, ${position.toString()}) b
    where a.id = ${account} or (a.main = ${account} and a.shard > 0)`
  if (row === undefined) throw new Error('a sum has one row')
  return row
}
