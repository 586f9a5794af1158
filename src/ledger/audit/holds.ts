import type { Query } from '../database.ts'
import { type Finding, LISTED } from './finding.ts'

/** L4: every hold is open or has ended once, its end is an end of it, and none runs out while a rail may know of it. */
export async function holds(sql: Query): Promise<Finding> {
  const rows = await sql<{ id: string; subject: string; ends: number; open: boolean; differs: boolean }[]>`
    with ended as (
      select pending_id as id, count(*)::int as ends from transfers where pending_id is not null group by 1
    )
    select coalesce(t.id, h.id) as id, coalesce(t.subject, h.subject) as subject, h.id is not null as open,
      coalesce(e.ends, 0) as ends,
      h.id is not null and (t.ledger, t.debit_account, t.credit_account, t.amount, t.subject)
        is distinct from (h.ledger, h.debit_account, h.credit_account, h.amount, h.subject) as differs
    from (select * from transfers where kind = 'reserve') t
    full join holds h on h.id = t.id
    left join ended e on e.id = coalesce(t.id, h.id)
    where (h.id is not null)::int + coalesce(e.ends, 0) <> 1
      -- One that nobody reserved differs from what there is not.
      or (h.id is not null and (t.ledger, t.debit_account, t.credit_account, t.amount, t.subject)
        is distinct from (h.ledger, h.debit_account, h.credit_account, h.amount, h.subject))
    order by 1 limit ${LISTED}`
  const ends = await sql<{ id: string; kind: string; hold: string }[]>`
    select t.id, t.kind, t.pending_id as hold
    from transfers t left join transfers h on h.id = t.pending_id and h.kind = 'reserve'
    where t.pending_id is not null
      and (h.position > t.position
        or (t.ledger, t.debit_account, t.credit_account) is distinct from (h.ledger, h.debit_account, h.credit_account)
        or t.amount > h.amount or (t.kind <> 'confirm' and t.amount <> h.amount))
    order by t.position limit ${LISTED}`
  const running = await sql<{ id: string; subject: string }[]>`
    select h.id, h.subject from holds h
    where h.expires_at is not null and exists (
      select from attempts a where a.payment = h.subject and a.state in ('prepared', 'dispatched', 'pending', 'unknown'))
    order by 1 limit ${LISTED}`
  return {
    broken: [
      ...rows.map(
        (row) =>
          `hold ${row.id} of ${row.subject}: ${row.open ? 'open' : 'not open'} and ended ${String(row.ends)} times${row.differs ? ', and not what was reserved' : ''}`,
      ),
      ...ends.map((row) => `${row.kind} ${row.id} does not end the hold it names, ${row.hold}`),
      ...running.map((row) => `hold ${row.id} of ${row.subject} may expire, and a rail may know of it`),
    ],
  }
}
