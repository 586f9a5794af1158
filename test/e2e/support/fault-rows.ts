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

// oxlint-disable unicorn/no-thenable -- `then` is the control API's word for what follows a pending answer

/**
 * Every fault kind at every step of every rail (connectors.md §4), and what the
 * payer must see of it, in order. What the books must say follows from the end:
 * they say it of every payment (proof.ts).
 */
export type FaultRow = Kind & {
  rail: RailName
  way: Way
  /** The call that it strikes: an operation, and of the operator the step. */
  on: { operation: 'collect' | 'payOut'; step?: 'prepare' | 'validate' | 'confirm' }
  /** The payer's code has to be typed a second time. */
  again?: true
  /** What the payer sees after the end, which stays. */
  after?: readonly string[]
}

const rowsOf = (
  rail: RailName,
  way: Way,
  on: FaultRow['on'],
  kinds: readonly (Kind & Pick<FaultRow, 'again' | 'after'>)[],
): FaultRow[] => kinds.map((one) => ({ rail, way, on, ...one }))

const atBank = (noFunds: string): Kind[] => [
  ...common({ lost: NOT_EXECUTED, declined: DECLINED }),
  slow('contradict_callback', { after_s: 1 }, SUCCEEDED, { incident: 'contradicting_outcome' }),
  ...declines({
    AM04: noFunds,
    AC04: 'source_not_usable',
    AC06: 'source_not_usable',
    AM14: 'limit_exceeded',
    MS02: 'declined_by_payer',
    MD01: 'source_not_usable',
    MS03: 'declined_by_rail',
  }),
]

const atMoney = (noFunds: string): Kind[] => [
  // What never arrived is sent again under the same id, once the operator can be believed.
  ...common({ lost: SUCCEEDED, declined: DECLINED }),
  slow('contradict_callback', { after_s: 1 }),
  slow('expire', { after_s: 2 }, DECLINED),
  ...declines({
    insufficientFunds: noFunds,
    identifierError: 'source_not_usable',
    incorrectState: 'source_not_usable',
    dailyValueLimitExceeded: 'limit_exceeded',
    requestDeclined: 'declined_by_payer',
    noMandateAuthority: 'source_not_usable',
    genericError: 'declined_by_rail',
  }),
]

/** What exists already is found in the same call. */
const FOUND = quick('duplicate_answer')
/** The answer to a confirm or to a code has no content. */
const noContent = (field: string) => quick('wrong_content', { field })
const OPERATOR_DECLINES = {
  'CARRIER_BILLING.PAYMENT_DENIED': 'declined_by_rail',
  IDENTIFIER_NOT_FOUND: 'source_not_usable',
  SERVICE_NOT_APPLICABLE: 'source_not_usable',
  'CARRIER_BILLING.USER_AMOUNT_THRESHOLD_OVERPASSED': 'limit_exceeded',
}

const PAYER_DECLINED = 'failed declined_by_payer'
const askedAgain = (one: Kind): Kind & Pick<FaultRow, 'again'> => ({ ...one, again: true })
/** Typing a code moves nothing: what never arrived is asked for again. */
const validating = [
  ...common({ lost: SUCCEEDED, declined: PAYER_DECLINED, duplicate: FOUND, wrong: noContent }).map((one) =>
    isLost(one) ? askedAgain(one) : one,
  ),
  slow('contradict_callback', { after_s: 1 }),
  // All tries are used up.
  quick('decline', {}, PAYER_DECLINED),
  // Refused, and the reservation still waits for its code.
  askedAgain(slow('decline', { reason: 'SERVICE_NOT_APPLICABLE' })),
  quick('expire', {}, NOT_EXECUTED),
]

/** A purchase has legs of its own at the same rails: those kinds after which books could differ. */
const purchased = (lost: string, reason: string, code: string, contradicted: Partial<Kind>): Kind[] => [
  ...declines({ [reason]: code }),
  slow('drop_before', {}, lost),
  slow('drop_after'),
  slow('hang_after', { s: 30 }),
  slow('pending', { then: 'settled', after_s: 2 }),
  slow('pending', { then: 'declined', after_s: 2 }, DECLINED),
  slow('contradict_callback', { after_s: 1 }, SUCCEEDED, contradicted),
]

/** It had succeeded, and then the money comes back: `says` what the payer is told of it after the end. */
const returned = (reason: string, ...says: string[]): Kind & Pick<FaultRow, 'after'> => ({
  ...quick('return_later', { after_s: 3, reason }, SUCCEEDED, { incident: 'contradicting_outcome' }),
  after: says,
})
const ABSORBED = 'succeeded returned absorbed'
const DISPUTED = ['succeeded dispute opened', 'succeeded dispute lost returned absorbed']

export const FAULT_ROWS: readonly FaultRow[] = [
  ...rowsOf('bank', 'top-up', { operation: 'collect' }, [
    ...atBank('insufficient_funds'),
    returned('AC04', ABSORBED),
    returned('MD06', ...DISPUTED),
  ]),
  // Of a withdrawal it is our own account that lacks the money.
  ...rowsOf('bank', 'withdrawal', { operation: 'payOut' }, [
    ...atBank('declined_by_rail'),
    returned('AC04', 'succeeded returned returned'),
  ]),
  ...rowsOf('bank', 'qr from bank', { operation: 'collect' }, [
    ...purchased(NOT_EXECUTED, 'AM04', 'insufficient_funds', { incident: 'contradicting_outcome' }),
    returned('AC04', ABSORBED),
    returned('MD06', ...DISPUTED),
  ]),
  ...rowsOf('money', 'top-up by mobile money', { operation: 'collect' }, [
    ...atMoney('insufficient_funds'),
    returned('reversed', ABSORBED),
  ]),
  ...rowsOf('money', 'withdrawal to mobile money', { operation: 'payOut' }, [
    ...atMoney('declined_by_rail'),
    returned('reversed', 'succeeded returned returned'),
  ]),
  ...rowsOf('money', 'qr from mobile money', { operation: 'collect' }, [
    ...purchased(SUCCEEDED, 'insufficientFunds', 'insufficient_funds', {}),
    returned('reversed', ABSORBED),
  ]),
  ...rowsOf('operator', 'qr from phone bill', { operation: 'collect', step: 'prepare' }, [
    ...common({ lost: NOT_EXECUTED, declined: DECLINED, duplicate: FOUND }),
    slow('contradict_callback', { after_s: 1 }),
    ...declines(OPERATOR_DECLINES),
    returned('MD06', ABSORBED),
  ]),
  ...rowsOf('operator', 'qr from phone bill', { operation: 'collect', step: 'validate' }, validating),
  ...rowsOf('operator', 'qr from phone bill', { operation: 'collect', step: 'confirm' }, [
    // Confirming twice is safe: what never arrived is confirmed again.
    ...common({ lost: SUCCEEDED, declined: DECLINED, duplicate: FOUND, wrong: noContent }),
    slow('contradict_callback', { after_s: 1 }),
    quick('decline', {}, DECLINED),
    // The reservation is gone before it was used.
    slow('expire', {}, NOT_EXECUTED),
    returned('MD06', ABSORBED),
  ]),
]

/** What the payer's phone shows, in order. */
export function rowSees({ on, waits, again, ends, after = [] }: FaultRow): string[] {
  const waiting = ['processing', ...(waits ? ['processing awaiting_rail'] : [])]
  if (on.step !== 'validate') return [...waiting, ends, ...after]
  const asked = ['requires_action', ...waiting, ...(again === true ? ['requires_action', 'processing'] : [])]
  return ['processing', ...asked, ends, ...after]
}

export function rowName(row: FaultRow): string {
  const { rail, way, on } = row
  const what = way.startsWith('qr') && rail !== 'operator' ? `${on.operation} of a purchase` : (on.step ?? on.operation)
  return `${rail} ${what}: ${kindName(row)}`
}
