import type { Query } from '../ledger/index.ts'

/** One thing that is known of a payment or refund, for people: when, what, and what was said. */
export type Entry = { at: Date; what: string; detail: string }

type Row = { at: Date; what: string; detail: string }

/** Callbacks shown of one attempt: a rail may repeat itself for ever. */
const CALLBACKS = 50

/** Everything written down about a payment or refund, in order of time. Accounts of people are not in it. */
export async function timelineOf(sql: Query, id: string): Promise<Entry[]> {
  const parts = await Promise.all([
    sql<Row[]>`
      select created_at as at, 'made' as what, kind as detail from payments where id = ${id}
      union all select accepted_at, 'accepted', '' from payments where id = ${id} and accepted_at is not null
      union all select started_at, 'its workflow began', '' from payments where id = ${id} and started_at is not null
      union all select updated_at, 'is now ' || status,
        concat_ws(', ', status_reason, failure_code, failure_message) from payments where id = ${id}
      union all select created_at, 'made', 'refund of ' || payment from refunds where id = ${id}
      union all select updated_at, 'is now ' || status, concat_ws(', ', status_reason, failure_code) from refunds where id = ${id}
      union all select created_at, 'refund ' || id, status || ', ' || amount || ' ' || currency || ' in minor units' from refunds where payment = ${id}`,
    sql<Row[]>`
      select coalesce(dispatched_at, updated_at) as at,
        'attempt ' || no || ': ' || operation || ' at ' || rail || ', ' || step || ' sent' as what, reference as detail
      from attempts where payment = ${id} and dispatched_at is not null
      union all
      select updated_at, 'attempt ' || no || ' is ' || state,
        concat_ws(', ', 'asked ' || inquiries || ' times', failure_code, failure_message, rail_reference, evidence::text)
      from attempts where payment = ${id}
      union all
      select ended_at, 'attempt ' || no || ': ' || step || ' ended ' || state,
        concat_ws(', ', failure_code, evidence::text) from attempt_calls where payment = ${id}`,
    sql<Row[]>`
      select c.received_at as at, 'callback of ' || c.rail as what,
        'event ' || c.event_id || ', ' || octet_length(c.body) || ' bytes, heard ' || c.times || ' times' as detail
      from rail_callbacks c join attempts a on a.rail = c.rail and a.reference = c.reference
      where a.payment = ${id} order by c.received_at limit ${CALLBACKS}`,
    sql<Row[]>`
      select at, 'incident: ' || kind as what, detail::text as detail from incidents where payment = ${id}
      union all select heard_at, rail || ' said ' || kind || ' by ' || via, rail_id from evidence where payment = ${id}
      union all select ended_at, 'what ' || rail || ' said is ' || result, 'evidence ' || id from evidence
        where payment = ${id} and ended_at is not null
      union all select at, 'money came back at ' || rail, amount || ' in minor units, ' || reason from returns where payment = ${id}`,
    sql<Row[]>`
      select a.created_at as at, 'approval ' || a.id || ' by ' || o.name as what, a.action || ': ' || a.reason as detail
      from approvals a join operators o on o.id = a.operator
      where a.payment = ${id} or a.payment between ${`${id}/rec/`} and ${`${id}/rec/~`}
      union all
      select a.consumed_at, 'approval ' || a.id || ' was acted on', 'by update ' || a.consumed_by
      from approvals a
      where (a.payment = ${id} or a.payment between ${`${id}/rec/`} and ${`${id}/rec/~`}) and a.consumed_at is not null`,
  ])
  return parts.flat().toSorted((a, b) => a.at.getTime() - b.at.getTime())
}
