import { SOURCE_CODE, STATE_POSTINGS } from '../../domain/accounting/index.ts'
import type { Query } from '../database.ts'
import { type Finding, LISTED } from './finding.ts'
import { receivers } from './receivers.ts'

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

/** L5: what is held and posted from each payment's source account is what its state allows, and goes where it belongs. */
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
      where p.code is null or d.code = p.code
      group by 1, 2
    ), unresolved as (
      select distinct payment from attempts where state in ('dispatched', 'pending', 'unknown')
    )
    select p.id, p.status, p.amount::text as amount, coalesce(h.amount, 0)::text as held,
      coalesce(t.amount, 0)::text as posted,
      case when r.status is null then 'which no payment is ' || case when p.accepted_at is null then 'before' else 'after' end || ' it was accepted'
        when u.payment is not null and not r."unresolvedAttempt" then 'and its call at the rail is unresolved'
        else 'which is not what this state allows' end as why
    from payments p
    left join rules r on r.status = p.status and r.accepted = (p.accepted_at is not null)
    left join held h on h.id = p.id and h.ledger = p.ledger
    left join posted t on t.id = p.id and t.ledger = p.ledger
    left join unresolved u on u.payment = p.id
    where r.status is null
      or coalesce(h.amount, 0) <> case r.held when 'amount' then p.amount + p.payer_fee else 0 end
      or coalesce(t.amount, 0) <> case r.posted when 'captured' then p.captured_amount + p.payer_fee else 0 end
      or (u.payment is not null and not r."unresolvedAttempt")
    order by 1 limit ${LISTED}`
  return {
    broken: [
      ...rows.map(
        (row) =>
          `payment ${row.id} of ${row.amount} is ${row.status}: held ${row.held}, posted ${row.posted}, ${row.why}`,
      ),
      ...(await receivers(sql)),
    ],
  }
}
