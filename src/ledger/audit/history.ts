import type { Query } from '../database.ts'
import { type Finding, LISTED, moves } from './finding.ts'

/**
 * What reads of history rely on: the sealer's balances and checkpoints are the sums over the transfers up to them.
 * Whether the transfers are still those that were sealed is for `verify`.
 */
export async function history(sql: Query): Promise<Finding> {
  const standing = await sql<{ name: string }[]>`
    with ${moves(sql)}, sums as (
      select account, max(position) as position, count(*) as lines, sum(dp) as dp, sum(dd) as dd, sum(cp) as cp, sum(cc) as cc
      from moves where position <= (select position from sealed) group by account
    )
    select coalesce(a.name, s.account::text, b.account::text) as name
    from sums s
    full join balances_sealed b on b.account = s.account
    left join accounts a on a.id = coalesce(s.account, b.account)
    where (b.position, b.lines, b.debits_pending, b.debits_posted, b.credits_pending, b.credits_posted)
      is distinct from (s.position, s.lines, s.dp, s.dd, s.cp, s.cc)
    order by 1 limit ${LISTED}`
  const checkpoints = await sql<{ name: string; position: bigint }[]>`
    with ${moves(sql)}, long as (
      select account from moves group by account having count(*) >= 256
    ), running as (
      select m.account, m.position, row_number() over w as lines, sum(m.dp) over w as dp, sum(m.dd) over w as dd,
        sum(m.cp) over w as cp, sum(m.cc) over w as cc
      from moves m join long l on l.account = m.account
      where m.position <= (select position from sealed)
      window w as (partition by m.account order by m.position)
    ), due as (
      select * from running where lines % 256 = 0
    )
    select coalesce(a.name, d.account::text, k.account::text) as name, coalesce(d.position, k.position) as position
    from due d
    full join balance_checkpoints k on k.account = d.account and k.position = d.position
    left join accounts a on a.id = coalesce(d.account, k.account)
    where (k.lines, k.debits_pending, k.debits_posted, k.credits_pending, k.credits_posted)
      is distinct from (d.lines, d.dp, d.dd, d.cp, d.cc)
    order by 2, 1 limit ${LISTED}`
  return {
    broken: [
      ...standing.map((row) => `the sealed balance of ${row.name} is not the sum of its transfers`),
      ...checkpoints.map(
        (row) => `the checkpoint of ${row.name} at position ${String(row.position)} is not the sum of its transfers`,
      ),
    ],
  }
}
