import { CHART } from '../../domain/accounting/index.ts'
import type { SourceType } from '../../contract/names.ts'
import type { Query } from '../database.ts'
import { LISTED } from './finding.ts'

/** What of the audit is about refunds, by the check it is part of. */

/** The account that a refund of such a payment credits. */
const BACK_TO: Readonly<Record<SourceType, string>> = {
  wallet: 'wallet:<payer>',
  bank: 'clearing:<rail>',
  operator: 'due:<rail>',
  mobile_money: 'float:<rail>',
}
const DESTINATIONS = JSON.stringify(Object.entries(BACK_TO).map(([type, name]) => ({ type, name })))

/**
 * L5: what is held and posted for each refund is what its state asks for, it goes back to where the payment came from,
 * out of its merchant's money and our fee, and the payment counts what its refunds come to: of one that the rail paid
 * after it had failed, what its merchant and our fee bear. That is a break (L6), and no posting of the refund.
 */
export async function refundPostings(sql: Query): Promise<string[]> {
  const rows = await sql<{ id: string; status: string; amount: string; held: string; posted: string; why: string }[]>`
    with named as (
      select r.*, replace(replace(k.name, '<payer>', coalesce(p.payer, '')), '<rail>', coalesce(a.rail, '')) as back
      from refunds r
      join payments p on p.id = r.payment
      join jsonb_to_recordset(${DESTINATIONS}::text::jsonb) as k(type text, name text) on k.type = p.source_type
      left join lateral (
        select rail from attempts where payment = p.id and operation = 'collect' order by no limit 1) a on true
    ), moved as (
      select subject, ledger, true as held, amount, debit_account, credit_account from holds where subject like 'rfd\\_%'
      union all
      select subject, ledger, false, amount, debit_account, credit_account from transfers
      where kind in ('post', 'confirm') and subject like 'rfd\\_%'
    ), summed as (
      select n.id,
        coalesce(sum(m.amount) filter (where c.name = n.back and m.held), 0) as held,
        coalesce(sum(m.amount) filter (where c.name = n.back and not m.held), 0) as posted,
        coalesce(sum(m.amount) filter (where d.code = ${CHART.feeRevenue.code}), 0) as fees,
        coalesce(sum(m.amount) filter (where c.name <> n.back and d.code <> ${CHART.tax.code}), 0) as elsewhere
      from named n
      join moved m on m.subject = n.id and m.ledger = n.ledger
      join accounts d on d.id = m.debit_account
      join accounts c on c.id = m.credit_account
      where ${CHART.breaks.code} not in (d.code, c.code)
      group by 1
    ), judged as (
      select n.id, n.status, n.amount::text as amount, coalesce(s.held, 0)::text as held,
        coalesce(s.posted, 0)::text as posted, case
          when coalesce(s.held, 0) <> case n.status when 'processing' then n.amount else 0 end
            then 'which is not what this state holds'
          when coalesce(s.posted, 0) <> case n.status when 'succeeded' then n.amount else 0 end
            then 'which is not what this state has posted'
          when coalesce(s.fees, 0) <> case when n.status in ('processing', 'succeeded') then n.fee else 0 end
            then 'with ' || coalesce(s.fees, 0) || ' of our fee where ' || n.fee || ' belongs'
          when coalesce(s.elsewhere, 0) <> 0 then 'and ' || s.elsewhere || ' went elsewhere than to ' || n.back
        end as why
      from named n left join summed s on s.id = n.id
    )
    select * from judged where why is not null order by 1 limit ${LISTED}`
  const strangers = await sql<{ id: string; transfer: string; account: string }[]>`
    select r.id, k.id as transfer, a.name as account
    from (
      select id, subject, debit_account as account from transfers where pending_id is null and subject like 'rfd\\_%'
      union all
      select id, subject, credit_account from transfers where pending_id is null and subject like 'rfd\\_%'
    ) k
    join refunds r on r.id = k.subject
    join payments p on p.id = r.payment
    join accounts a on a.id = k.account
    where a.owner is not null and a.owner is distinct from p.payer and a.owner <> r.merchant
    order by 1, 2, 3 limit ${LISTED}`
  const counted = await sql<{ id: string; says: string; comes: string }[]>`
    with sums as (
      select payment, sum(amount) filter (where status in ('processing', 'pending_funds')) as reserved,
        sum(amount) filter (where status = 'succeeded') as refunded
      from refunds group by 1
    ), late as (
      select r.payment, sum(t.amount) as refunded
      from transfers t
      join refunds r on r.id = t.subject and r.status = 'failed'
      join accounts d on d.id = t.debit_account and (d.owner = r.merchant or d.code = ${CHART.feeRevenue.code})
      join accounts c on c.id = t.credit_account and c.code = ${CHART.breaks.code}
      where t.kind = 'post' and t.subject like 'rfd\\_%'
      group by 1
    ), come as (
      select p.id, coalesce(s.reserved, 0) as reserved, coalesce(s.refunded, 0) + coalesce(l.refunded, 0) as refunded
      from payments p left join sums s on s.payment = p.id left join late l on l.payment = p.id
    )
    select p.id, concat_ws(' and ', p.refund_reserved, p.refunded_amount) as says,
      concat_ws(' and ', s.reserved, s.refunded) as comes
    from payments p join come s on s.id = p.id
    where (p.refund_reserved, p.refunded_amount) is distinct from (s.reserved, s.refunded)
    order by 1 limit ${LISTED}`
  return [
    ...rows.map((r) => `refund ${r.id} of ${r.amount} is ${r.status}: held ${r.held}, posted ${r.posted}, ${r.why}`),
    ...strangers.map(
      (r) => `refund ${r.id}: transfer ${r.transfer} moves money of ${r.account}, which is no party to it`,
    ),
    ...counted.map(
      (r) => `payment ${r.id} says that ${r.says} is being and was refunded, and its refunds come to ${r.comes}`,
    ),
  ]
}

/** L6: a refund goes back to a rail by one attempt of its own amount, which is over when the refund is. */
export async function refundAttempts(sql: Query): Promise<string[]> {
  const rows = await sql<{ id: string; what: string }[]>`
    with refunded as (
      select a.payment as attempted, a.no::integer as no, a.amount as asked, a.currency as "in", a.ledger as "at",
        a.rail as "by", a.reference, a.state,
        -- As the domain makes it (src/domain/ids.ts).
        substr(a.payment, strpos(a.payment, '_') + 1) || 'RF' || lpad(a.no::text, 2, '0') as made, a.original
      from attempts a where a.operation = 'refund'
    ), judged as (
      select coalesce(r.id, a.attempted) as id, case
        when r.id is null then 'its attempt is there and it is not'
        when a.attempted is null and p.source_type <> 'wallet' and r.status in ('processing', 'succeeded')
          then 'it is ' || r.status || ' and has no attempt at the rail it goes back to'
        when a.attempted is null then null
        when p.source_type = 'wallet' or r.status = 'pending_funds' then 'it has an attempt and nothing to do with a rail'
        when (a.asked, a."in", a."at") is distinct from (r.amount, r.currency, r.ledger)
          then 'its attempt is of another amount, currency or ledger'
        when a.no <> 1 or a.reference <> a.made then 'its attempt ' || a.reference || ' is not the one it makes'
        when c.reference is null then 'it gives back what no attempt of its payment collected'
        when a.state in ('dispatched', 'pending', 'unknown') and r.status <> 'processing'
          then 'it is ' || r.status || ', and its call at the rail is unresolved'
        end as what
      from refunded a
      full join refunds r on r.id = a.attempted
      left join payments p on p.id = r.payment
      left join attempts c on c.payment = r.payment and c.operation = 'collect' and c.state = 'settled'
        and c.rail = a."by" and c.reference = a.original ->> 'reference'
    )
    select * from judged where what is not null order by 1 limit ${LISTED}`
  return rows.map((row) => `refund ${row.id}: ${row.what}`)
}

/** A refund is of a payment of its merchant, and what moves for one is of one that is there. */
export function refundReferences(sql: Query) {
  return sql<{ what: string }[]>`
    (select 'refund ' || r.id || case when p.id is null then ' is of payment ' || r.payment || ', which does not exist'
        else ' is of another merchant, currency or ledger than payment ' || p.id end as what
    from refunds r left join payments p on p.id = r.payment
    where p.id is null or (p.merchant, p.currency, p.ledger) is distinct from (r.merchant, r.currency, r.ledger)
    order by 1 limit ${LISTED})
    union all
    (select distinct k.what || ' of refund ' || k.refund || ', which does not exist'
    from (
      select 'transfers' as what, subject as refund from transfers where subject like 'rfd\\_%'
      union all
      select 'holds', subject from holds where subject like 'rfd\\_%'
    ) k
    left join refunds r on r.id = k.refund
    where r.id is null
    order by 1 limit ${LISTED})`
}

/** Events of a refund tell what it is, and its payment's payer was told of its last version, as were merchant and store. */
export async function refundEvents(sql: Query): Promise<string[]> {
  const events = await sql<{ id: string; refund: string; known: boolean }[]>`
    with told as (
      select id, body::jsonb as body, body ->> 'id' as refund, (body ->> 'version')::integer as version
      from outbox where name = 'refund.updated'
    )
    select o.id, o.refund, r.id is not null as known
    from told o left join refunds r on r.id = o.refund
    where o.version > r.version
      or o.body @> jsonb_build_object('payment', r.payment, 'amount', r.amount::text, 'currency', r.currency) is not true
      or (o.version = r.version
        and o.body @> jsonb_build_object('status', r.status, 'status_reason', r.status_reason) is not true)
    order by 1 limit ${LISTED}`
  const untold = await sql<{ id: string; version: number; feed: string; told: number | null }[]>`
    select r.id, r.version, w.feed, max((o.body ->> 'version')::integer) as told
    from refunds r
    join payments p on p.id = r.payment
    cross join lateral (
      select p.payer as feed, null::timestamptz as complete_from
      union all
      select f.feed, f.complete_from from followed_feeds f where f.feed in (p.merchant, p.store)) w
    left join outbox o on o.feed = w.feed and o.name = 'refund.updated' and o.body ->> 'id' = r.id
    group by 1, 2, 3, w.complete_from, r.updated_at
    having max((o.body ->> 'version')::integer) is distinct from r.version
      and (w.feed like 'usr\\_%' or max((o.body ->> 'version')::integer) is not null
        or r.updated_at > w.complete_from + interval '10 seconds')
    order by 1, 3 limit ${LISTED}`
  return [
    ...events.map(
      (row) => `event ${row.id} tells of refund ${row.refund} ${row.known ? 'what it is not' : 'which does not exist'}`,
    ),
    ...untold.map(
      (row) =>
        `refund ${row.id} is at version ${String(row.version)}, and ${row.feed} was told of ${row.told === null ? 'none' : String(row.told)}`,
    ),
  ]
}
