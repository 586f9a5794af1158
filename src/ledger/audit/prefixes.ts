import type { Query } from '../database.ts'
import { type Finding, LISTED, moves } from './finding.ts'

/**
 * L3: no flagged account was overdrawn after any of its transfers. Pending counts on the spending side, a credit line
 * (`allowance`) on the other; neither flag nor line has changed since the account was opened. In order of position every
 * prefix is a state the books were really in.
 */
export async function prefixes(sql: Query): Promise<Finding> {
  const rows = await sql<{ name: string; position: bigint; over: string }[]>`
    with ${moves(sql)}, running as (
      select m.position, a.name, a.id,
        case when a.debits_must_not_exceed_credits then sum(m.dp + m.dd - m.cc) over w - a.allowance end as debits_over,
        case when a.credits_must_not_exceed_debits then sum(m.cp + m.cc - m.dd) over w - a.allowance end as credits_over
      from moves m
      join accounts a on a.id = m.account and (a.debits_must_not_exceed_credits or a.credits_must_not_exceed_debits)
      window w as (partition by m.account order by m.position)
    ), first as (
      select distinct on (id) name, position, greatest(debits_over, credits_over)::text as over
      from running where debits_over > 0 or credits_over > 0
      order by id, position
    )
    select * from first order by position limit ${LISTED}`
  return {
    broken: rows.map((row) => `account ${row.name} was overdrawn by ${row.over} at position ${String(row.position)}`),
  }
}
