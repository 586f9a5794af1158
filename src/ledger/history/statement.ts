import type { Query } from '../database.ts'
import { type Counters, countersAt } from './balance.ts'
import { HISTORY_LIMITS } from './limits.ts'
import { type AsOf, positionOf } from './position.ts'

/** One side of a transfer, as its account saw it, with the account's counters after it. */
export type StatementLine = {
  position: bigint
  transfer: string
  kind: 'post' | 'reserve' | 'confirm' | 'void' | 'expire'
  at: Date
  subject: string
  side: 'debit' | 'credit'
  /** The account on the other side. */
  counterpart: string
  /** Moved for good on this side, minor units. */
  postedMinor: bigint
  /** Change of what is held on this side: a reserve adds, its end takes away. */
  pendingMinor: bigint
  after: Counters
}

export type StatementPage = {
  /** Counters before the first line. */
  opening: Counters
  lines: StatementLine[]
  /** Give it as `after` for the next page; null on the last. */
  next: bigint | null
  /** The moment up to which the statement goes. */
  position: bigint
}

/**
 * A page of an account's statement in order of position, from after the cursor. An account of several shards is read
 * as one: what is moved between its own shards is not a line, though the counters of both have it, and so `after` is
 * at each line what `balanceAsOf` says of its position.
 *
 * @throws NotSealedYet
 */
export async function statement(
  sql: Query,
  account: string,
  page: { after?: bigint; limit?: number; asOf?: AsOf } = {},
): Promise<StatementPage> {
  const { after = 0n, limit = 100 } = page
  if (!Number.isInteger(limit) || limit < 1 || limit > HISTORY_LIMITS.statement_lines) {
    throw new RangeError(`a page has 1 to ${String(HISTORY_LIMITS.statement_lines)} lines`)
  }
  const position = await positionOf(sql, page.asOf)
  const opening = await countersAt(sql, account, after < position ? after : position)
  const lines: StatementLine[] = []
  let counters = opening
  // Sweeps between shards fill a page of entries too: read on until there is a page of lines, and one more.
  for (let cursor = after; ;) {
    const entries = await entriesAfter(sql, account, { after: cursor, upTo: position, limit: limit + 1 })
    for (const { internal, ...entry } of entries) {
      if (internal) {
        // Comes once from either side; the debit tells of both.
        if (entry.side === 'debit') counters = moved(moved(counters, entry), { ...entry, side: 'credit' })
        continue
      }
      if (lines.length === limit) return { opening, lines, next: lines.at(-1)?.position ?? null, position }
      counters = moved(counters, entry)
      lines.push({ ...entry, after: counters })
    }
    const last = entries.at(-1)
    if (last === undefined || entries.length <= limit) return { opening, lines, next: null, position }
    cursor = last.position
  }
}

type Entry = Omit<StatementLine, 'after'> & {
  /** Between the account's own shards. */
  internal: boolean
}

function moved(from: Counters, line: Pick<Entry, 'side' | 'postedMinor' | 'pendingMinor'>): Counters {
  return line.side === 'debit'
    ? {
        ...from,
        debitsPendingMinor: from.debitsPendingMinor + line.pendingMinor,
        debitsPostedMinor: from.debitsPostedMinor + line.postedMinor,
      }
    : {
        ...from,
        creditsPendingMinor: from.creditsPendingMinor + line.pendingMinor,
        creditsPostedMinor: from.creditsPostedMinor + line.postedMinor,
      }
}

/**
 * Each shard and side gives at most a page from its index; the page is the first of all of them, the debit of a
 * transfer before its credit. What is internal is not left out by the query: where a shard has nothing else, it would
 * be read to its end.
 */
function entriesAfter(
  sql: Query,
  account: string,
  range: { after: bigint; upTo: bigint; limit: number },
): Promise<Entry[]> {
  const [after, upTo] = [range.after.toString(), range.upTo.toString()]
  return sql<Entry[]>`
    with own as materialized (
      select id from accounts where id = ${account} or (main = ${account} and shard > 0)
    ), page as (
      select l.* from own
      cross join lateral (
        select t.*, 'debit' as side, t.credit_account as other from transfers t
        where t.debit_account = own.id and t.position > ${after} and t.position <= ${upTo}
        order by t.position limit ${range.limit}
      ) l
      union all
      select l.* from own
      cross join lateral (
        select t.*, 'credit' as side, t.debit_account as other from transfers t
        where t.credit_account = own.id and t.position > ${after} and t.position <= ${upTo}
        order by t.position limit ${range.limit}
      ) l
      order by position, side desc limit ${range.limit}
    )
    select p.position, p.id as transfer, p.kind, p.at, p.subject, p.side,
      coalesce((select a.name from accounts a where a.id = p.other), p.other::text) as counterpart,
      exists (select from own o where o.id = p.other) as internal,
      case when p.kind in ('post', 'confirm') then p.amount else 0 end as "postedMinor",
      case p.kind when 'reserve' then p.amount when 'post' then 0
        else -coalesce((select h.amount from transfers h where h.id = p.pending_id), 0) end as "pendingMinor"
    from page p order by p.position, p.side desc`
}
