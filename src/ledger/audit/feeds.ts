import type { Query } from '../database.ts'
import { type Finding, LISTED } from './finding.ts'

/** Events are numbered without a hole up to their feed's head, and the newest of a payment tells what the payment is. */
export async function feeds(sql: Query): Promise<Finding> {
  const holes = await sql<
    { feed: string; head: bigint | null; first: bigint | null; last: bigint | null; count: bigint }[]
  >`
    with events as (
      select feed, min(seq) as first, max(seq) as last, count(*) as count from outbox group by feed
    )
    select coalesce(h.feed, e.feed) as feed, h.seq as head, e.first, e.last, coalesce(e.count, 0) as count
    from feed_heads h full join events e on e.feed = h.feed
    where h.seq is distinct from coalesce(e.last, 0) or e.last - e.first + 1 <> e.count
    order by 1 limit ${LISTED}`
  const events = await sql<{ id: string; payment: string; known: boolean }[]>`
    select o.id, o.body ->> 'id' as payment, p.id is not null as known
    from outbox o left join payments p on p.id = o.body ->> 'id'
    where o.name = 'payment.updated' and (p.id is null or (o.body ->> 'version')::integer > p.version
      or ((o.body ->> 'version')::integer = p.version
        and (o.body ->> 'status', (o.body ->> 'amount')::bigint, (o.body ->> 'captured_amount')::bigint, o.body ->> 'payee')
          is distinct from (p.status, p.amount, p.captured_amount, p.payee)))
    order by 1 limit ${LISTED}`
  return {
    broken: [
      ...holes.map(
        (row) =>
          `feed ${row.feed}: its head is ${String(row.head)}, and it has ${String(row.count)} events from ${String(row.first)} to ${String(row.last)}`,
      ),
      ...events.map(
        (row) =>
          `event ${row.id} tells of payment ${row.payment} ${row.known ? 'what it is not' : ', which does not exist'}`,
      ),
    ],
  }
}
