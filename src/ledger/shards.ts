import type { Log } from '../observe/log.ts'
import type { Ids } from '../domain/ids.ts'
import type { Ledger } from './aggregator.ts'
import type { Sql } from './database.ts'
import { derivedUuid } from './derived-uuid.ts'
import { type Rounds, startRounds } from './rounds.ts'

/** Shards read, and swept at once, at a time. */
const PAGE = 200

/** A place among all shards: they are gone through by their main rows' ids, and by number within one. */
type Place = { main: string; shard: number }
const BEFORE_ALL: Place = { main: '00000000-0000-0000-0000-000000000000', shard: 0 }
const AFTER_ALL: Place = { main: 'ffffffff-ffff-ffff-ffff-ffffffffffff', shard: 32_767 }

type SweepDeps = { sql: Sql; ledger: Ledger; ids: Ids }

/**
 * Brings what the shards of flagged accounts have taken in to shard 0, from where alone it may be spent: all of them,
 * page by page, however many there are. Each sweep is a posting like any other, of what was there when it was read.
 *
 * Any hub may sweep at any time. Each begins anywhere and goes round, so that hubs seldom meet; what another has
 * swept is empty and not read again, and where two met the later posting is refused and moves nothing.
 *
 * @returns how many shards were swept
 * @throws AggregateError of what could not be swept, once all the others are
 */
export async function sweepShards(deps: SweepDeps, stopping?: AbortSignal): Promise<number> {
  const start: Place = { main: derivedUuid(deps.ids.uuid()), shard: 0 }
  const failures: unknown[] = []
  let swept = 0
  for (const [from, to] of [
    [start, AFTER_ALL],
    [BEFORE_ALL, start],
  ] as const) {
    for (let after: Place | undefined = from; after !== undefined && stopping?.aborted !== true;) {
      const rows: Full[] = await fullShards(deps.sql, after, to)
      for (const result of await Promise.allSettled(rows.map((row) => sweep(deps, row)))) {
        if (result.status === 'rejected') failures.push(result.reason)
        else if (result.value) swept += 1
      }
      after = rows.length < PAGE ? undefined : rows.at(-1)
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, `${String(failures.length)} shards were not swept`)
  return swept
}

/** The same of these accounts alone, named by their first rows: somebody is about to spend from them. */
export async function sweepShardsOf(deps: SweepDeps, mains: readonly string[]): Promise<void> {
  const rows = await deps.sql<Full[]>`
    select ledger, id, main, shard::integer as shard, credits_posted - debits_posted - debits_pending as available
    from accounts
    where main in ${deps.sql(mains)} and shard > 0 and debits_must_not_exceed_credits and not frozen and not closed
      and credits_posted - debits_posted - debits_pending > 0
    order by main, shard`
  await Promise.all(rows.map((row) => sweep(deps, row)))
}

type Full = Place & { ledger: number; id: string; available: bigint }

function fullShards(sql: Sql, after: Place, to: Place): Promise<Full[]> {
  return sql<Full[]>`
    select ledger, id, main, shard::integer as shard, credits_posted - debits_posted - debits_pending as available
    from accounts
    where shard > 0 and debits_must_not_exceed_credits and not frozen and not closed
      -- Its first row takes it in: what that would refuse is not asked for again and again.
      and not exists (select from accounts m where m.id = accounts.main and (m.frozen or m.closed))
      and credits_posted - debits_posted - debits_pending > 0
      and (main, shard) > (${after.main}, ${after.shard}) and (main, shard) <= (${to.main}, ${to.shard})
    order by main, shard limit ${PAGE}`
}

async function sweep({ ledger, ids }: SweepDeps, row: Full): Promise<boolean> {
  const result = await ledger.apply({
    id: ids.uuid(),
    transfers: [
      {
        id: ids.uuid(),
        ledger: row.ledger,
        kind: 'post',
        debit: row.id,
        credit: row.main,
        amount: row.available.toString(),
        subject: 'sweep',
      },
    ],
    ok: {},
  })
  return result.code === 'ok'
}

/** Sweeps on a timer, in rounds that never overlap. */
export function startSweeper(deps: SweepDeps & { log: Log; everyMs: number }): Rounds {
  return startRounds({
    everyMs: deps.everyMs,
    round: async (stopping) => void (await sweepShards(deps, stopping)),
    failed: (error) => deps.log.warn({ err: error }, 'not all shards were swept; it is tried again'),
  })
}
