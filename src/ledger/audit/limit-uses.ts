import type { Query } from '../database.ts'
import { LISTED } from './finding.ts'

type Row = { id: string; status: string; bucket: string; held: string; used: string; due: string; owed: string }

/**
 * L5: what a payment takes of a limit stands and ends with its money: held while that is held, used for as much as was
 * posted, and given back with the rest. Payments that take nothing of limits (top-ups, older ones) have no row here.
 * `rules`: the table of states (states.ts).
 */
export async function limitUses(sql: Query, rules: string): Promise<string[]> {
  const rows = await sql<Row[]>`
    with rules as (
      select * from jsonb_to_recordset(${rules}::text::jsonb) as r(status text, accepted boolean, held text, posted text)
    ), counted as (
      select id from ledgers where tenant = 'limits'
    ), taken as (
      select subject, credit_account as bucket, amount as held, 0 as used
      from holds where ledger in (select id from counted)
      union all
      select subject, credit_account, 0, amount
      from transfers where ledger in (select id from counted) and kind in ('post', 'confirm')
    ), summed as (
      select subject, bucket, sum(held) as held, sum(used) as used from taken group by 1, 2
    )
    select p.id, p.status, a.name as bucket, s.held::text as held, s.used::text as used, d.held::text as due,
      d.used::text as owed
    from summed s
    join payments p on p.id = s.subject
    join accounts a on a.id = s.bucket
    left join rules r on r.status = p.status and r.accepted = (p.accepted_at is not null)
    cross join lateral (
      select case r.held when 'amount' then p.amount + p.payer_fee else 0 end as held,
        case r.posted when 'captured' then p.captured_amount + p.payer_fee else 0 end as used) d
    where (s.held, s.used) is distinct from (d.held, d.used)
    order by 1, 3 limit ${LISTED}`
  return rows.map(
    (row) =>
      `payment ${row.id} is ${row.status}: of ${row.bucket} ${row.held} held and ${row.used} used, where ${row.due} and ${row.owed} belong`,
  )
}
