import {
  common,
  DECLINED,
  declines,
  isLost,
  type Kind,
  kindName,
  NOT_EXECUTED,
  quick,
  slow,
  SUCCEEDED,
} from './fault-kinds.ts'
import type { Way } from './orders.ts'
import type { RailName } from './rails.ts'

/**
 * Every fault kind that can strike a refund at its rail, and what its merchant must
 * see of it, in order; the payer sees of the payment that so much was refunded, or
 * nothing. What the books must say follows from the end (expected.ts).
 */
export type RefundRow = Kind & {
  rail: RailName
  /** How the payment was made that is refunded. */
  way: Way
  /** No inquiry can tell that it never arrived: it waits until an operator says so. */
  byHand?: true
}

const CONTRADICTED = { after_s: 1 }

const atBank: Kind[] = [
  ...common({ lost: NOT_EXECUTED, declined: DECLINED }),
  slow('contradict_callback', CONTRADICTED, SUCCEEDED, { incident: 'contradicting_outcome' }),
  ...declines({
    FF12: 'declined_by_rail',
    AG13: 'declined_by_rail',
    // It is our own account that lacks the money.
    AM04: 'declined_by_rail',
    AC04: 'source_not_usable',
    AM14: 'limit_exceeded',
    MS03: 'declined_by_rail',
  }),
]

const atMoney: Kind[] = [
  // What never arrived is sent again under the same id, once the operator can be believed.
  ...common({ lost: SUCCEEDED, declined: DECLINED }),
  slow('contradict_callback', CONTRADICTED),
  slow('expire', { after_s: 2 }, DECLINED),
  ...declines({
    insufficientFunds: 'declined_by_rail',
    identifierError: 'declined_by_rail',
    incorrectState: 'declined_by_rail',
    dailyValueLimitExceeded: 'limit_exceeded',
    genericError: 'declined_by_rail',
  }),
]

const atOperator: Kind[] = [
  ...common({ lost: NOT_EXECUTED, declined: DECLINED, duplicate: quick('duplicate_answer') }),
  slow('contradict_callback', CONTRADICTED),
  slow('expire', { after_s: 2 }, DECLINED),
  ...declines({
    'CARRIER_BILLING_REFUND.REFUND_DENIED': 'declined_by_rail',
    'CARRIER_BILLING_REFUND.PAYMENT_NOT_ELIGIBLE_FOR_REFUND': 'declined_by_rail',
    'CARRIER_BILLING_REFUND.INVALID_PAYMENT_STATUS': 'declined_by_rail',
    'CARRIER_BILLING_REFUND.UNAUTHORIZED_AMOUNT': 'limit_exceeded',
  }),
]

const rowsOf = (rail: RailName, way: Way, kinds: readonly Kind[]): RefundRow[] =>
  kinds.map((one) => ({ rail, way, ...one, ...(rail === 'operator' && isLost(one) ? { byHand: true } : {}) }))

export const REFUND_ROWS: readonly RefundRow[] = [
  ...rowsOf('bank', 'qr from bank', atBank),
  ...rowsOf('money', 'qr from mobile money', atMoney),
  ...rowsOf('operator', 'qr from phone bill', atOperator),
]

export function refundSees({ waits, ends }: RefundRow): string[] {
  return ['processing', ...(waits ? ['processing awaiting_rail'] : []), ends]
}

export function refundName(row: RefundRow): string {
  return `${row.rail} refund: ${kindName(row)}`
}
