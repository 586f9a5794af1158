import { CHART } from '../../domain/accounting/index.ts'
import type { Query } from '../database.ts'
import { signedDecimal } from '../../domain/money.ts'
import { type Finding, LISTED } from './finding.ts'
import { NOT_AT_RAIL } from './rails.ts'

type Row = {
  ledger: number
  currency: string
  exponent: number
  name: string
  balance: bigint
  items: bigint
  inTransit: bigint
  other: bigint
}

/**
 * L7: what stands on each clearing account is its items in transit, less what statement lines have matched, and its
 * breaks. In transit is what a rail has settled, less what came back. That cash equals the bank's closing balance is not
 * proved here: no statement has been imported.
 */
export async function clearing(sql: Query): Promise<Finding> {
  const rows = await sql<Row[]>`
    with stands as (
      select ledger, name, sum(debits_posted - credits_posted) as balance
      from accounts where code = ${CHART.clearing.code} group by 1, 2
    ), items as (
      select a.ledger, 'clearing:' || a.rail as name, count(*) as items,
        sum(case a.operation when 'collect' then a.amount else -a.amount end) as amount
      from attempts a
      left join refunds r on r.id = a.payment
      join payments p on p.id = coalesce(r.payment, a.payment)
      where a.state = 'settled' and coalesce(r.status, p.status) = 'succeeded'
        -- What an operator bills is due from it, and mobile money is sent back from the float.
        and p.source_type <> 'operator' and not (r.id is not null and p.source_type = 'mobile_money')
      group by 1, 2
    ), back as (
      select a.ledger, 'clearing:' || a.rail as name,
        sum(case a.operation when 'collect' then -r.amount else r.amount end) as amount
      from returns r join attempts a on a.payment = r.payment and a.no = r.no
      group by 1, 2
    ), other as (
      select a.ledger, a.name, sum(case when d.id = a.id then t.amount else -t.amount end) as amount
      from accounts a
      join transfers t on a.id in (t.debit_account, t.credit_account) and t.kind in ('post', 'confirm')
      join accounts d on d.id = t.debit_account
      join accounts c on c.id = t.credit_account
      join jsonb_to_recordset(${NOT_AT_RAIL}::text::jsonb) n(code integer) on n.code in (d.code, c.code)
      where a.code = ${CHART.clearing.code}
      group by 1, 2
    )
    select s.ledger, l.currency, l.exponent::int as exponent, s.name, s.balance::bigint as balance,
      coalesce(i.items, 0) as items, (coalesce(i.amount, 0) + coalesce(b.amount, 0))::bigint as "inTransit",
      coalesce(o.amount, 0)::bigint as other
    from stands s
    join ledgers l on l.id = s.ledger
    left join items i on i.ledger = s.ledger and i.name = s.name
    left join back b on b.ledger = s.ledger and b.name = s.name
    left join other o on o.ledger = s.ledger and o.name = s.name
    order by 1, 4`
  const money = (row: Row, amountMinor: bigint) => `${row.currency} ${signedDecimal(amountMinor, row.exponent)}`
  const broken = rows
    .filter((row) => row.balance !== row.inTransit + row.other)
    .slice(0, LISTED)
    .map(
      (row) =>
        `${row.name} stands at ${money(row, row.balance)}: in transit ${money(row, row.inTransit)}, matched and broken ${money(row, row.other)}`,
    )
  const standing = rows
    .filter((row) => row.balance !== 0n)
    .map(
      (row) =>
        `${row.name} ${money(row, row.balance)}, ${String(row.items)} ${row.items === 1n ? 'item' : 'items'} in transit`,
    )
  return { broken, unproved: ['no statement imported yet', ...standing].join('; ') }
}
