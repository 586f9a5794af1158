import { CHART } from '../../domain/accounting/index.ts'
import type { Query } from '../database.ts'
import { type Finding, LISTED } from './finding.ts'

const { wallet, merchantPending, merchantAvailable, suspense } = CHART
const { clearing, due, float, breaks, merchantReceivable, userReceivable } = CHART

/** Whose money it is, by code: 1 what we owe customers, -1 what stands for it. Of cash only the trust accounts do. */
const SIDES = JSON.stringify([
  ...[wallet, merchantPending, merchantAvailable, suspense].map(({ code }) => ({ code, side: 'owed' })),
  ...[clearing, due, float, breaks, merchantReceivable, userReceivable].map(({ code }) => ({ code, side: 'covered' })),
])

/** L8: what we owe customers does not exceed the money kept for them and what others owe for them. */
export async function cover(sql: Query): Promise<Finding> {
  const rows = await sql<{ ledger: number; owed: string; covered: string }[]>`
    with sides as (select * from jsonb_to_recordset(${SIDES}::text::jsonb) as s(code integer, side text)),
    sums as (
      select a.ledger,
        coalesce(sum(a.credits_posted - a.debits_posted) filter (where s.side = 'owed'), 0) as owed,
        coalesce(sum(a.debits_posted - a.credits_posted) filter (where s.side = 'covered'
          or (a.code = ${CHART.cash.code} and a.name like 'cash:%:trust')), 0) as covered
      from accounts a left join sides s on s.code = a.code
      group by a.ledger
    )
    select ledger, owed::text as owed, covered::text as covered from sums where owed > covered order by ledger limit ${LISTED}`
  return {
    broken: rows.map(
      (row) => `ledger ${String(row.ledger)}: customers are owed ${row.owed}, and ${row.covered} stands for it`,
    ),
  }
}
