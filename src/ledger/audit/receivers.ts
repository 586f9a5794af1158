import { CHART, PAYEE_NAME, SOURCE_CODE, sourceName } from '../../domain/accounting/index.ts'
import { PAYMENT_KINDS, SOURCE_TYPES } from '../../contract/names.ts'
import type { Query } from '../database.ts'
import { LISTED } from './finding.ts'

/** Of each kind and source the two accounts, by the domain's tables. */
const PARTIES = JSON.stringify(
  PAYMENT_KINDS.flatMap((kind) =>
    SOURCE_TYPES.flatMap((type) => {
      const source = sourceName(kind, type)
      return source === null ? [] : [{ kind, type, code: SOURCE_CODE[kind][type], source, payee: PAYEE_NAME[kind] }]
    }),
  ),
)

type Row = {
  id: string
  what: string
  source: string
  payee: string
  paid: string
  due: string
  fees: string
  agreed: string
  others: string
}

/**
 * L5: where the sum that a payment holds or has posted is the one its state asks for, it comes from its source, goes
 * to its payee, and our fee to us, as the payment says. A capture in part writes the fee of that part.
 */
export async function receivers(sql: Query): Promise<string[]> {
  const rows = await sql<Row[]>`
    with parties as (
      select * from jsonb_to_recordset(${PARTIES}::text::jsonb) as r(kind text, type text, code integer, source text, payee text)
    ), named as (
      select p.id, p.ledger, p.amount, p.captured_amount, p.fee, p.payer_fee, r.code,
        replace(replace(r.source, '<payer>', coalesce(p.payer, '')), '<rail>', coalesce(a.rail, '')) as source,
        replace(replace(replace(r.payee, '<payer>', coalesce(p.payer, '')), '<payee>', p.payee), '<rail>', coalesce(a.rail, ''))
          as payee
      from payments p
      join parties r on r.kind = p.kind and r.type = p.source_type
      left join lateral (select rail from attempts where payment = p.id order by no limit 1) a on true
      -- A payment for a rail that has no attempt there is named by L6.
      where a.rail is not null or r.source || r.payee not like '%<rail>%'
    ), moved as (
      select subject, ledger, 'held' as what, amount, debit_account, credit_account from holds
      union all
      select subject, ledger, 'posted', amount, debit_account, credit_account from transfers where kind in ('post', 'confirm')
    ), divided as (
      select n.id, m.what, sum(m.amount) as total,
        coalesce(sum(m.amount) filter (where c.name = n.payee), 0) as paid,
        coalesce(sum(m.amount) filter (where c.code = ${CHART.feeRevenue.code}), 0) as fees,
        coalesce(sum(m.amount) filter (where d.name <> n.source), 0) as others
      from named n
      join moved m on m.subject = n.id and m.ledger = n.ledger
      join accounts d on d.id = m.debit_account and d.code = n.code
      join accounts c on c.id = m.credit_account
      group by 1, 2
    )
    select n.id, v.what, n.source, n.payee, v.paid::text as paid, (w.amount - n.fee)::text as due, v.fees::text as fees,
      (n.fee + n.payer_fee)::text as agreed, v.others::text as others
    from named n
    join divided v on v.id = n.id
    cross join lateral (select case v.what when 'held' then n.amount else n.captured_amount end as amount) w
    where v.total = w.amount + n.payer_fee
      and (v.paid <> w.amount - n.fee or v.fees <> n.fee + n.payer_fee or v.others <> 0)
    order by 1, 2 limit ${LISTED}`
  return rows.map(
    (row) =>
      `payment ${row.id}: ${row.what} for ${row.payee} ${row.paid} where ${row.due} belongs, for fees ${row.fees} where ${row.agreed} belongs${row.others === '0' ? '' : `, ${row.others} of it not from ${row.source}`}`,
  )
}
