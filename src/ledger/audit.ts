import type { Query, Sql } from './database.ts'

/**
 * The audit: invariants proved from the tables, on a live system, as of one
 * moment (one REPEATABLE READ transaction). Each check names the rows that break it.
 */

export type Breach = { invariant: Invariant; what: string }

/**
 * L1 debits = credits · L2 counters = sums over transfers · L4 every hold ends once ·
 * L5 postings match the payment's state · L6 settled at a rail ⇔ booked.
 */
export const INVARIANTS = ['L1', 'L2', 'L4', 'L5', 'L6'] as const
export type Invariant = (typeof INVARIANTS)[number]

export type AuditReport = {
  at: string
  accounts: number
  transfers: number
  openHolds: number
  breaches: Breach[]
}

/** Breaches listed at most, for each invariant. */
const LISTED = 20

export async function audit(sql: Sql): Promise<AuditReport> {
  return sql.begin('isolation level repeatable read read only', async (tx) => {
    // Reading all of history takes as long as it takes.
    await tx`set local statement_timeout = 0`
    const [size] = await tx<{ at: Date; accounts: number; transfers: number; holds: number }[]>`
      select now() as at, (select count(*)::int from accounts) as accounts,
        (select count(*)::int from transfers) as transfers, (select count(*)::int from holds) as holds`
    if (size === undefined) throw new Error('the database did not count its tables')
    const breaches = [
      ...(await balance(tx)),
      ...(await counters(tx)),
      ...(await holds(tx)),
      ...(await states(tx)),
      ...(await rails(tx)),
    ]
    return {
      at: size.at.toISOString(),
      accounts: size.accounts,
      transfers: size.transfers,
      openHolds: size.holds,
      breaches,
    }
  })
}

async function balance(sql: Query): Promise<Breach[]> {
  const rows = await sql<{ ledger: number; posted: string; pending: string }[]>`
    select ledger, (sum(debits_posted) - sum(credits_posted))::text as posted,
      (sum(debits_pending) - sum(credits_pending))::text as pending
    from accounts group by ledger
    having sum(debits_posted) <> sum(credits_posted) or sum(debits_pending) <> sum(credits_pending)`
  return rows.map((row) => ({
    invariant: 'L1',
    what: `ledger ${String(row.ledger)}: debits exceed credits by ${row.posted} posted, ${row.pending} pending`,
  }))
}

async function counters(sql: Query): Promise<Breach[]> {
  const rows = await sql<{ name: string; counted: string; summed: string }[]>`
    with moves as (
      select t.ledger, t.debit_account as account,
        case t.kind when 'reserve' then t.amount when 'post' then 0 else -h.amount end as dp,
        case when t.kind in ('post', 'confirm') then t.amount else 0 end as dd, 0 as cp, 0 as cc
      from transfers t left join transfers h on h.ledger = t.ledger and h.id = t.pending_id
      union all
      select t.ledger, t.credit_account, 0, 0,
        case t.kind when 'reserve' then t.amount when 'post' then 0 else -h.amount end,
        case when t.kind in ('post', 'confirm') then t.amount else 0 end
      from transfers t left join transfers h on h.ledger = t.ledger and h.id = t.pending_id
    ), sums as (
      select ledger, account, sum(dp) as dp, sum(dd) as dd, sum(cp) as cp, sum(cc) as cc from moves group by 1, 2
    )
    select coalesce(a.name, s.account::text) as name,
      concat_ws('/', a.debits_pending, a.debits_posted, a.credits_pending, a.credits_posted) as counted,
      concat_ws('/', coalesce(s.dp, 0), coalesce(s.dd, 0), coalesce(s.cp, 0), coalesce(s.cc, 0)) as summed
    from accounts a full join sums s on s.ledger = a.ledger and s.account = a.id
    where (a.debits_pending, a.debits_posted, a.credits_pending, a.credits_posted)
      is distinct from (coalesce(s.dp, 0), coalesce(s.dd, 0), coalesce(s.cp, 0), coalesce(s.cc, 0))
    order by 1 limit ${LISTED}`
  return rows.map((row) => ({
    invariant: 'L2',
    what: `account ${row.name}: counters ${row.counted}, transfers sum to ${row.summed} (debits pending/posted, credits pending/posted)`,
  }))
}

async function holds(sql: Query): Promise<Breach[]> {
  const rows = await sql<{ id: string; subject: string; ends: number; open: boolean }[]>`
    select coalesce(t.id, h.id) as id, coalesce(t.subject, h.subject) as subject, h.id is not null as open,
      (select count(*)::int from transfers e where e.ledger = coalesce(t.ledger, h.ledger) and e.pending_id = coalesce(t.id, h.id)) as ends
    from (select * from transfers where kind = 'reserve') t
    full join holds h on h.ledger = t.ledger and h.id = t.id
    where t.id is null
      or (t.debit_account, t.credit_account, t.amount) is distinct from
         (coalesce(h.debit_account, t.debit_account), coalesce(h.credit_account, t.credit_account), coalesce(h.amount, t.amount))
      or (h.id is not null)::int
         + (select count(*)::int from transfers e where e.ledger = t.ledger and e.pending_id = t.id) <> 1
    order by 1 limit ${LISTED}`
  return rows.map((row) => ({
    invariant: 'L4',
    what: `hold ${row.id} of ${row.subject}: ${row.open ? 'open' : 'not open'} and ended ${String(row.ends)} times`,
  }))
}

/** State → what may be held and what posted: all of it one way or nothing. */
async function states(sql: Query): Promise<Breach[]> {
  const rows = await sql<{ id: string; status: string; amount: string; held: string; posted: string }[]>`
    with held as (
      select subject, sum(amount) as amount from holds group by 1
    ), posted as (
      select subject, sum(amount) as amount from transfers where kind in ('confirm', 'post') group by 1
    )
    select p.id, p.status, p.amount::text as amount, coalesce(h.amount, 0)::text as held,
      coalesce(t.amount, 0)::text as posted
    from payments p
    left join held h on h.subject = p.id
    left join posted t on t.subject = p.id
    where coalesce(h.amount, 0) <> case p.status when 'processing' then p.amount else 0 end
      or coalesce(t.amount, 0) <> case p.status when 'succeeded' then p.amount else 0 end
      or (p.status in ('requires_confirmation', 'succeeded', 'failed', 'canceled', 'expired')
        and exists (select from attempts a where a.payment = p.id and a.state in ('dispatched', 'pending', 'unknown')))
    order by 1 limit ${LISTED}`
  return rows.map((row) => ({
    invariant: 'L5',
    what: `payment ${row.id} of ${row.amount} is ${row.status}: held ${row.held}, posted ${row.posted}, or its call at the rail is unresolved`,
  }))
}

async function rails(sql: Query): Promise<Breach[]> {
  const rows = await sql<{ payment: string; status: string | null; settled: string; posted: string; held: string }[]>`
    with effect as (
      select t.subject as payment,
        sum(case when t.kind in ('confirm', 'post') then t.amount else 0 end) as posted
      from transfers t
      join accounts d on d.ledger = t.ledger and d.id = t.debit_account
      join accounts c on c.ledger = t.ledger and c.id = t.credit_account
      where (d.code = 1015) <> (c.code = 1015)
      group by 1
    ), held as (
      select subject as payment, sum(amount) as held from holds group by 1
    ), settled as (
      select payment, sum(amount) as settled from attempts where state = 'settled' group by 1
    )
    select coalesce(e.payment, s.payment) as payment, p.status, coalesce(s.settled, 0)::text as settled,
      coalesce(e.posted, 0)::text as posted, coalesce(h.held, 0)::text as held
    from effect e
    full join settled s on s.payment = e.payment
    left join held h on h.payment = coalesce(e.payment, s.payment)
    left join payments p on p.id = coalesce(e.payment, s.payment)
    where coalesce(e.posted, 0) <> coalesce(s.settled, 0)
      -- Settled a moment ago: the hold still stands and is about to be posted.
      and not (coalesce(e.posted, 0) = 0 and p.status = 'processing' and h.held = s.settled)
    order by 1 limit ${LISTED}`
  return rows.map((row) => ({
    invariant: 'L6',
    what: `payment ${row.payment} (${row.status ?? 'unknown'}): settled at the rail ${row.settled}, posted ${row.posted}, held ${row.held}`,
  }))
}
