import { CHART, SOURCE_CODE, STATE_POSTINGS } from '../../domain/accounting/index.ts'
import type { Query } from '../database.ts'
import { type Finding, LISTED } from './finding.ts'
import { limitUses } from './limit-uses.ts'
import { receivers } from './receivers.ts'
import { refundPostings } from './refunds.ts'

/** The domain's tables as rows, so that the payment code and the audit go by the same (docs/accounting.md, States and postings). */
const RULES = JSON.stringify(
  Object.entries(STATE_POSTINGS).flatMap(([status, { unaccepted, accepted }]) => [
    ...(unaccepted === null ? [] : [{ status, accepted: false, ...unaccepted }]),
    ...(accepted === null ? [] : [{ status, accepted: true, ...accepted }]),
  ]),
)
const SOURCES = JSON.stringify(
  Object.entries(SOURCE_CODE).flatMap(([kind, sources]) =>
    Object.entries(sources).flatMap(([type, code]) => (code === null ? [] : [{ kind, type, code }])),
  ),
)

type Row = { id: string; status: string; amount: string; held: string; posted: string; why: string }
type Stranger = { id: string; transfer: string; account: string }

/**
 * L5: what is held and posted from each payment's source account is what its state allows, it goes where it belongs,
 * and nobody's money is moved but its payer's and payee's.
 */
export async function states(sql: Query): Promise<Finding> {
  const rows = await sql<Row[]>`
    with rules as (
      select * from jsonb_to_recordset(${RULES}::text::jsonb)
        as r(status text, accepted boolean, held text, posted text, "unresolvedAttempt" boolean)
    ), sourced as (
      select p.id, p.ledger, s.code
      from payments p
      left join jsonb_to_recordset(${SOURCES}::text::jsonb) as s(kind text, type text, code integer)
        on s.kind = p.kind and s.type = p.source_type
    ), held as (
      select p.id, p.ledger, sum(h.amount) as amount
      from sourced p
      join holds h on h.subject = p.id and h.ledger = p.ledger
      join accounts d on d.id = h.debit_account
      where p.code is null or d.code = p.code
      group by 1, 2
    ), posted as (
      select p.id, p.ledger, sum(t.amount) as amount
      from sourced p
      join transfers t on t.subject = p.id and t.ledger = p.ledger and t.kind in ('post', 'confirm')
      join accounts d on d.id = t.debit_account
      join accounts c on c.id = t.credit_account
      -- What a rail did after the end is no posting of the payment (L6 knows it).
      where (p.code is null or d.code = p.code) and c.code not in (${CHART.suspense.code}, ${CHART.breaks.code})
      group by 1, 2
    ), unresolved as (
      select distinct payment from attempts where state in ('dispatched', 'pending', 'unknown')
    )
    select p.id, p.status, p.amount::text as amount, coalesce(h.amount, 0)::text as held,
      coalesce(t.amount, 0)::text as posted, j.why
    from payments p
    left join rules r on r.status = p.status and r.accepted = (p.accepted_at is not null)
    left join held h on h.id = p.id and h.ledger = p.ledger
    left join posted t on t.id = p.id and t.ledger = p.ledger
    left join unresolved u on u.payment = p.id
    cross join lateral (select case
      when r.status is null
        then 'which no payment is ' || case when p.accepted_at is null then 'before' else 'after' end || ' it was accepted'
      when coalesce(h.amount, 0) <> case r.held when 'amount' then p.amount + p.payer_fee else 0 end
        then 'which is not what this state holds'
      when coalesce(t.amount, 0) <> case r.posted when 'captured' then p.captured_amount + p.payer_fee else 0 end
        then 'which is not what this state has posted'
      when u.payment is not null and not r."unresolvedAttempt" then 'and its call at the rail is unresolved'
      end as why) j
    where j.why is not null
    order by 1 limit ${LISTED}`
  // Ends of holds are on the accounts of their holds (L4).
  const strangers = await sql<Stranger[]>`
    select p.id, k.id as transfer, a.name as account
    from (
      select id, subject, debit_account as account from transfers where pending_id is null
      union all
      select id, subject, credit_account from transfers where pending_id is null
    ) k
    join payments p on p.id = k.subject
    join accounts a on a.id = k.account
    where a.owner is not null and a.owner is distinct from p.payer and a.owner <> p.payee
    order by 1, 2, 3 limit ${LISTED}`
  return {
    broken: [
      ...rows.map(
        (row) =>
          `payment ${row.id} of ${row.amount} is ${row.status}: held ${row.held}, posted ${row.posted}, ${row.why}`,
      ),
      ...(await receivers(sql)),
      ...(await limitUses(sql, RULES)),
      ...(await refundPostings(sql)),
      ...strangers.map(
        (row) => `payment ${row.id}: transfer ${row.transfer} moves money of ${row.account}, which is no party to it`,
      ),
    ],
  }
}
