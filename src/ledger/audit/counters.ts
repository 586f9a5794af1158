import type { Query } from '../database.ts'
import { type Finding, LISTED, moves } from './finding.ts'

/** L2: every account's counters are the sums over its transfers. */
export async function counters(sql: Query): Promise<Finding> {
  const rows = await sql<{ name: string; counted: string; summed: string }[]>`
    with ${moves(sql)}, sums as (
      select account, sum(dp) as dp, sum(dd) as dd, sum(cp) as cp, sum(cc) as cc from moves group by account
    )
    select coalesce(a.name || case a.shard when 0 then '' else '#' || a.shard end, s.account::text || ' (no such account)') as name,
      concat_ws('/', a.debits_pending, a.debits_posted, a.credits_pending, a.credits_posted) as counted,
      concat_ws('/', coalesce(s.dp, 0), coalesce(s.dd, 0), coalesce(s.cp, 0), coalesce(s.cc, 0)) as summed
    from accounts a full join sums s on s.account = a.id
    where (a.debits_pending, a.debits_posted, a.credits_pending, a.credits_posted)
      is distinct from (coalesce(s.dp, 0), coalesce(s.dd, 0), coalesce(s.cp, 0), coalesce(s.cc, 0))
    order by 1 limit ${LISTED}`
  return {
    broken: rows.map(
      (row) =>
        `account ${row.name}: counters ${row.counted}, transfers sum to ${row.summed} (debits pending/posted, credits pending/posted)`,
    ),
  }
}
