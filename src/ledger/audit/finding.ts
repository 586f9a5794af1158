import type { Query } from '../database.ts'

/** What the audit proves. The first eight are the ledger's (docs/accounting.md, Invariants). */
export const INVARIANTS = [
  'L1',
  'L2',
  'L3',
  'L4',
  'L5',
  'L6',
  'L7',
  'L8',
  'references',
  'history',
  'chain',
  'feeds',
] as const
export type Invariant = (typeof INVARIANTS)[number]

export type Breach = { invariant: Invariant; what: string }

/** What one check found: what is broken, row by row, and what it could not prove and why. */
export type Finding = { broken: string[]; unproved?: string }

export type Check = (sql: Query) => Promise<Finding>

/** Breaches listed at most, for each query of a check. */
export const LISTED = 20

/**
 * Every transfer as its two sides, with what each changes of its account's four counters; for a WITH clause.
 * What a confirm, void or expire takes off the pending side is the amount of its hold.
 */
export function moves(sql: Query) {
  const columns = sql`
    case t.kind when 'reserve' then t.amount when 'post' then 0 else -coalesce(h.amount, 0) end as pending,
    case when t.kind in ('post', 'confirm') then t.amount else 0 end as posted`
  return sql`
    sides as (
      select t.position, t.debit_account, t.credit_account, ${columns}
      from transfers t left join transfers h on h.id = t.pending_id
    ), moves as (
      select position, debit_account as account, pending as dp, posted as dd, 0::bigint as cp, 0::bigint as cc from sides
      union all
      select position, credit_account, 0, 0, pending, posted from sides
    )`
}
