import { CHART } from '../../domain/accounting/index.ts'
import type { Query } from '../database.ts'
import { LISTED } from './finding.ts'

const RAIL = JSON.stringify([CHART.clearing, CHART.due, CHART.float].map(({ code }) => ({ code })))
const BROKEN = JSON.stringify([CHART.suspense, CHART.breaks].map(({ code }) => ({ code })))

type Break = { payment: string; said: string; posted: string }
type Return = { evidence: string; what: string }

/**
 * Part of L6: what was posted for money that moved after a payment's end is what its evidence says, once. A break is
 * between a rail's account and suspense or breaks, under the id of the payment or refund; money in is positive. A return
 * is a row of its own, and never of more than had settled.
 */
export async function evidence(sql: Query): Promise<string[]> {
  const breaks = await sql<Break[]>`
    with posted as (
      select t.subject as payment, sum(case when c.code in (select n.code from jsonb_to_recordset(${BROKEN}::text::jsonb) n(code integer)
          ) then t.amount else -t.amount end) as amount
      from transfers t
      join accounts d on d.id = t.debit_account
      join accounts c on c.id = t.credit_account
      join (select id from payments union all select id from refunds) p on p.id = t.subject
      join jsonb_to_recordset(${RAIL}::text::jsonb) r(code integer) on r.code in (d.code, c.code)
      join jsonb_to_recordset(${BROKEN}::text::jsonb) n(code integer) on n.code in (d.code, c.code)
      where t.kind = 'post'
      group by 1
    ), said as (
      select e.payment, sum(case when (e.kind = 'settled') = (a.operation = 'collect') then e.moved else -e.moved end) as amount
      from evidence e join attempts a on a.payment = e.payment and a.no = e.no
      -- Of a return what is posted is a row in returns, but for one that stands as a break.
      where e.moved is not null and not exists (select from returns r where r.rail = e.rail and r.evidence_id = e.id::text)
      group by 1
    )
    select coalesce(p.payment, s.payment) as payment, coalesce(s.amount, 0)::text as said, coalesce(p.amount, 0)::text as posted
    from posted p full join said s on s.payment = p.payment
    where coalesce(p.amount, 0) <> coalesce(s.amount, 0)
    order by 1 limit ${LISTED}`
  const returns = await sql<Return[]>`
    with judged as (
      select coalesce(r.evidence_id, e.id::text) as evidence, case
        when e.id is null then 'was never said'
        when r.evidence_id is null then 'was posted and is not there'
        when (r.payment, r.no, r.ledger, r.amount) is distinct from (e.payment, e.no, e.ledger, e.moved)
          then 'is of another payment or amount than was said'
        end as what
      from returns r
      full join (select * from evidence where kind = 'returned' and result = 'posted') e
        on e.id::text = r.evidence_id and e.rail = r.rail
    )
    select * from judged where what is not null
    union all (
      select a.reference, 'and others exceed together what settled'
      from attempts a join returns r on r.payment = a.payment and r.no = a.no
      group by a.payment, a.no, a.reference, a.amount
      having sum(r.amount) > a.amount
    )
    order by 1 limit ${LISTED}`
  return [
    ...breaks.map(
      (row) =>
        `${row.payment.startsWith('rfd_') ? 'refund' : 'payment'} ${row.payment}: after its end its rail moved ${row.said} by evidence, and ${row.posted} was posted`,
    ),
    ...returns.map((row) => `return ${row.evidence} ${row.what}`),
  ]
}
