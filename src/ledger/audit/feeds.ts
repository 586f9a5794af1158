import type { Query } from '../database.ts'
import { type Finding, LISTED } from './finding.ts'
import { refundEvents } from './refunds.ts'

/**
 * Events are numbered from 1 without a hole up to their feed's head (nothing is ever taken from the outbox), those of a
 * payment tell what it is, and whoever it concerns was told of its last version: payer, payee, and where somebody has
 * followed them the feeds of merchant and store.
 */
export async function feeds(sql: Query): Promise<Finding> {
  const holes = await sql<
    { feed: string; head: bigint | null; first: bigint | null; last: bigint | null; count: bigint }[]
  >`
    with events as (
      select feed, min(seq) as first, max(seq) as last, count(*) as count from outbox group by feed
    )
    select coalesce(h.feed, e.feed) as feed, h.seq as head, e.first, e.last, coalesce(e.count, 0) as count
    from feed_heads h full join events e on e.feed = h.feed
    where h.seq is distinct from coalesce(e.last, 0) or e.first <> 1 or e.last <> e.count
    order by 1 limit ${LISTED}`
  const events = await sql<{ id: string; payment: string; known: boolean }[]>`
    with told as (
      select id, feed, feed ~ '^(mer|sto)_' as to_merchant, body::jsonb as body, body ->> 'id' as payment, (body ->> 'version')::integer as version
      from outbox where name = 'payment.updated'
    )
    select o.id, o.payment, p.id is not null as known
    from told o left join payments p on p.id = o.payment
    where o.version > p.version
      -- What never changes, and what this version has; neither is anything where there is no such payment.
      or o.body @> jsonb_build_object('kind', p.kind, 'amount', p.amount::text, 'currency', p.currency, 'payee', p.payee,
        'payee_name', p.payee_name, 'order_ref', p.order_ref, 'description', p.description) is not true
      -- A merchant knows the payer by another id.
      or (o.version = p.version and o.body @> (jsonb_build_object('status', p.status, 'status_reason', p.status_reason,
        'captured_amount', p.captured_amount::text, 'refunded_amount', p.refunded_amount::text)
        || case when o.to_merchant and p.payer is not null then '{}' else jsonb_build_object('payer', p.payer) end) is not true)
      or (o.to_merchant and o.feed is distinct from p.merchant and o.feed is distinct from p.store)
    order by 1 limit ${LISTED}`
  const untold = await sql<{ id: string; version: number; feed: string; told: number | null }[]>`
    select p.id, p.version, w.feed, max((o.body ->> 'version')::integer) as told
    from payments p
    cross join lateral (
      select u.feed, null::timestamptz as complete_from
      from (values (p.payer), (case when p.payee like 'usr\\_%' then p.payee end)) u(feed)
      where u.feed is not null and p.payer is not null
      union all
      select f.feed, f.complete_from from followed_feeds f where f.feed in (p.merchant, p.store)) w
    left join outbox o on o.feed = w.feed and o.name = 'payment.updated' and o.body ->> 'id' = p.id
    group by 1, 2, 3, w.complete_from, p.updated_at
    having max((o.body ->> 'version')::integer) is distinct from p.version
      -- Of what was before its first follower a merchant's feed says nothing. A hub's clock may be a little off.
      and (w.feed like 'usr\\_%' or max((o.body ->> 'version')::integer) is not null
        or p.updated_at > w.complete_from + interval '10 seconds')
    order by 1, 3 limit ${LISTED}`
  const unfollowed = await sql<{ feed: string }[]>`
    select h.feed from feed_heads h
    where h.feed ~ '^(mer|sto)_' and not exists (select from followed_feeds f where f.feed = h.feed)
    order by 1 limit ${LISTED}`
  return {
    broken: [
      ...unfollowed.map((row) => `feed ${row.feed} has events, and nobody is said to follow it`),
      ...holes.map(
        (row) =>
          `feed ${row.feed}: its head is ${String(row.head)}, and it has ${String(row.count)} events from ${String(row.first)} to ${String(row.last)}`,
      ),
      ...events.map(
        (row) =>
          `event ${row.id} tells of payment ${row.payment} ${row.known ? 'what it is not' : 'which does not exist'}`,
      ),
      ...(await refundEvents(sql)),
      ...untold.map(
        (row) =>
          `payment ${row.id} is at version ${String(row.version)}, and ${row.feed} was told of ${row.told === null ? 'none' : String(row.told)}`,
      ),
    ],
  }
}
