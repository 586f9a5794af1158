import type { PaymentStatus } from '../contract/names.ts'
import { isTerminal } from '../domain/payment.ts'
import type { Query } from '../ledger/index.ts'

/**
 * Narrows a list of payments to one status; null: none. That it is open or ended is said in words besides: Postgres
 * then knows that an index of only those will do, whatever the status a plan is kept for.
 */
export function ofStatus(sql: Query, status: PaymentStatus | null) {
  if (status === null) return sql``
  return isTerminal(status)
    ? sql`and status = ${status} and status in ('succeeded', 'failed', 'canceled', 'expired')`
    : sql`and status = ${status} and status not in ('succeeded', 'failed', 'canceled', 'expired')`
}
