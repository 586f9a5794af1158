import type { Ids } from '../domain/ids.ts'
import type { Ledger } from './aggregator.ts'
import type { Sql } from './database.ts'

/** Rows swept in one round. */
const ROUND = 200

/**
 * Brings what the shards of flagged accounts have taken in to shard 0, from where alone it may be spent. Each sweep
 * is a posting like any other: as much as is there when it is applied, whoever else sweeps.
 *
 * @returns how many shards were swept
 */
export async function sweepShards(deps: { sql: Sql; ledger: Ledger; ids: Ids }): Promise<number> {
  const rows = await deps.sql<{ ledger: number; id: string; main: string; available: bigint }[]>`
    select ledger, id, main, credits_posted - debits_posted - debits_pending as available
    from accounts
    where shard > 0 and debits_must_not_exceed_credits and not frozen and not closed
      and credits_posted - debits_posted - debits_pending > 0
    limit ${ROUND}`
  const results = await Promise.all(
    rows.map((row) =>
      deps.ledger.apply({
        id: deps.ids.uuid(),
        transfers: [
          {
            id: deps.ids.uuid(),
            ledger: row.ledger,
            kind: 'post',
            debit: row.id,
            credit: row.main,
            amount: row.available.toString(),
            subject: 'sweep',
          },
        ],
        ok: {},
      }),
    ),
  )
  return results.filter((result) => result.code === 'ok').length
}
