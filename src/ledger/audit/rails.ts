import { CHART } from '../../domain/accounting/index.ts'
import type { Query } from '../database.ts'
import { evidence } from './evidence.ts'
import { type Finding, LISTED } from './finding.ts'
import { refundAttempts } from './refunds.ts'

/**
 * Codes on the other side of clearing where a posting is no effect at a rail: a matched statement line, or a break.
 */
export const NOT_AT_RAIL = JSON.stringify(
  [CHART.cash, CHART.float, CHART.breaks, CHART.suspense, CHART.railExpense].map(({ code }) => ({ code })),
)

/** Where what rails move stands, and what on the other side of it is no effect at a rail: there a commission as well. */
const AT_RAIL = JSON.stringify([CHART.clearing, CHART.due, CHART.float].map(({ code }) => ({ code })))
const NO_EFFECT = JSON.stringify(
  [CHART.cash, CHART.breaks, CHART.suspense, CHART.railExpense].map(({ code }) => ({ code })),
)

type Effect = { payment: string; status: string | null; settled: string; posted: string; held: string }

/**
 * L6: each settled attempt at a rail has exactly one effect in the ledger, less what came back of it, and each effect
 * at a rail is one settled attempt's. What came after the end is a return or a break, of evidence. Money in is positive,
 * money out negative.
 */
export async function rails(sql: Query): Promise<Finding> {
  const effects = await sql<Effect[]>`
    with rail as (
      select r.code from jsonb_to_recordset(${AT_RAIL}::text::jsonb) r(code integer)
    ), crossing as (
      select t.id, t.kind, t.subject, case when d.code in (select code from rail) then t.amount else -t.amount end as amount
      from transfers t
      join accounts d on d.id = t.debit_account
      join accounts c on c.id = t.credit_account
      where (d.code in (select code from rail)) <> (c.code in (select code from rail))
        and case when d.code in (select code from rail) then c.code else d.code end
          not in (select n.code from jsonb_to_recordset(${NO_EFFECT}::text::jsonb) n(code integer))
    ), effect as (
      select subject as payment, sum(amount) as posted from crossing where kind in ('confirm', 'post') group by 1
    ), held as (
      select x.subject as payment, sum(x.amount) as held
      from crossing x join holds h on h.id = x.id where x.kind = 'reserve' group by 1
    ), settled as (
      select payment, sum(case operation when 'collect' then amount else -amount end) as settled
      -- Of several steps one moves money (src/domain/attempt.ts).
      from attempts where state = 'settled' and step in ('submit', 'confirm') group by 1
    ), returned as (
      select r.payment, sum(case a.operation when 'collect' then -r.amount else r.amount end) as returned
      from returns r join attempts a on a.payment = r.payment and a.no = r.no group by 1
    )
    select coalesce(e.payment, s.payment) as payment, coalesce(p.status, r.status) as status,
      (coalesce(s.settled, 0) + coalesce(b.returned, 0))::text as settled,
      coalesce(e.posted, 0)::text as posted, coalesce(h.held, 0)::text as held
    from effect e
    full join settled s on s.payment = e.payment
    left join returned b on b.payment = coalesce(e.payment, s.payment)
    left join held h on h.payment = coalesce(e.payment, s.payment)
    left join payments p on p.id = coalesce(e.payment, s.payment)
    left join refunds r on r.id = coalesce(e.payment, s.payment)
    where coalesce(e.posted, 0) <> coalesce(s.settled, 0) + coalesce(b.returned, 0)
      -- Settled a moment ago: the hold still stands and is about to be posted.
      and not (coalesce(e.posted, 0) = 0 and coalesce(p.status, r.status) in ('processing', 'requires_capture')
        and h.held = s.settled)
    order by 1 limit ${LISTED}`
  const attempts = await sql<{ payment: string; no: number; what: string }[]>`
    with numbered as (
      select a.*, row_number() over (partition by payment order by no) as place,
        -- As the domain makes it (src/domain/ids.ts): the payment's digits, what it does, which attempt it is.
        substr(payment, strpos(payment, '_') + 1) || case operation when 'collect' then 'CO' else 'PO' end
          || lpad(no::text, 2, '0') as made
      from attempts a where a.operation <> 'refund'
    ), judged as (
      select a.payment, a.no::int as no, case
        when p.id is null then 'its payment does not exist'
        when p.source_type is null or p.source_type = 'wallet' then 'its payment has nothing to do with a rail'
        when (a.amount, a.currency, a.ledger) is distinct from (p.amount, p.currency, p.ledger)
          then 'it is of another amount, currency or ledger than its payment'
        when (p.kind = 'withdrawal') <> (a.operation = 'payOut') then 'it goes the other way than its payment'
        when a.place <> a.no then 'one before it is missing'
        when a.reference <> a.made then 'its reference ' || a.reference || ' is not that of its payment'
        end as what
      from numbered a left join payments p on p.id = a.payment
    )
    select * from judged where what is not null order by 1, 2 limit ${LISTED}`
  const without = await sql<{ id: string; status: string }[]>`
    select p.id, p.status from payments p
    where p.accepted_at is not null and p.source_type <> 'wallet'
      and not exists (select from attempts a where a.payment = p.id)
    order by 1 limit ${LISTED}`
  return {
    broken: [
      ...effects.map(
        (row) =>
          `payment ${row.payment} (${row.status ?? 'unknown'}): settled at the rail ${row.settled}, posted ${row.posted}, held ${row.held}`,
      ),
      ...attempts.map((row) => `attempt ${String(row.no)} of payment ${row.payment}: ${row.what}`),
      ...(await refundAttempts(sql)),
      ...without.map((row) => `payment ${row.id} (${row.status}) was accepted for a rail and has no attempt there`),
      ...(await evidence(sql)),
    ],
  }
}
