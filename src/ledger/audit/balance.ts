import type { Query } from '../database.ts'
import type { Finding } from './finding.ts'

/** L1: in every ledger debits equal credits, posted and pending. */
export async function balance(sql: Query): Promise<Finding> {
  const rows = await sql<{ ledger: number; posted: string; pending: string }[]>`
    select ledger, (sum(debits_posted) - sum(credits_posted))::text as posted,
      (sum(debits_pending) - sum(credits_pending))::text as pending
    from accounts group by ledger
    having sum(debits_posted) <> sum(credits_posted) or sum(debits_pending) <> sum(credits_pending)
    order by ledger`
  return {
    broken: rows.map(
      (row) => `ledger ${String(row.ledger)}: debits exceed credits by ${row.posted} posted, ${row.pending} pending`,
    ),
  }
}
