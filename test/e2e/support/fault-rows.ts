import type { Way } from './orders.ts'
import type { Fault, RailName } from './rails.ts'

// oxlint-disable unicorn/no-thenable -- `then` is the control API's word for what follows a pending answer

/**
 * Every fault kind at every step of every rail (connectors.md §4), and what the
 * payer must see of it, in order. What the books must say follows from the end:
 * they say it of every payment (proof.ts).
 */
export type FaultRow = {
  rail: RailName
  way: Way
  /** The call that it strikes: an operation, and of the operator the step. */
  on: { operation: 'collect' | 'payOut'; step?: 'prepare' | 'confirm' }
  faults: readonly Fault[]
  /** Whether the payer is told that the rail has not answered. */
  waits: boolean
  ends: string
  /** What is decided at the rail once it is pending for ever. */
  decide?: 'settled' | 'declined'
  /** Money is returned, or a rail contradicts itself: it is written down for people. */
  incident?: string
}

type Kind = Pick<FaultRow, 'faults' | 'waits' | 'ends'> & Partial<Pick<FaultRow, 'decide' | 'incident'>>

const SUCCEEDED = 'succeeded'
const NOT_EXECUTED = 'failed not_executed'

const kind = (name: string, parameters: Omit<Fault, 'kind'>, waits: boolean, ends: string, more?: Partial<Kind>) => ({
  faults: [{ kind: name, ...parameters }],
  waits,
  ends,
  ...more,
})
const quick = (name: string, parameters: Omit<Fault, 'kind'> = {}, ends = SUCCEEDED): Kind =>
  kind(name, parameters, false, ends)
const slow = (name: string, parameters: Omit<Fault, 'kind'> = {}, ends = SUCCEEDED, more?: Partial<Kind>): Kind =>
  kind(name, parameters, true, ends, more)
const beside = ({ faults, ...rest }: Kind, name: string, parameters: Omit<Fault, 'kind'>): Kind => ({
  ...rest,
  faults: [...faults, { kind: name, ...parameters }],
})

/** How it ends where the order never arrived, where a pending one is refused, and where the rail says at first that it has it already. */
type Habits = { lost: string; declined: string; duplicate?: Kind; wrong?: (field: string) => Kind }

/** Parameters that make no difference to the payment are the connectors' own tests'. */
const common = ({
  lost,
  declined,
  duplicate = slow('duplicate_answer'),
  wrong = (field) => slow('wrong_content', { field }),
}: Habits): Kind[] => [
  slow('delay', { ms: 3_000 }),
  slow('pending', { then: 'settled', after_s: 2 }),
  slow('pending', { then: 'declined', after_s: 2 }, declined),
  slow('pending', { then: 'settled', after_s: 2, callback: false }),
  slow('pending', { then: 'never' }, SUCCEEDED, { decide: 'settled' }),
  slow('pending', { then: 'never' }, declined, { decide: 'declined' }),
  slow('drop_before', {}, lost),
  slow('drop_after'),
  slow('hang_before', { s: 30 }, lost),
  slow('hang_after', { s: 30 }),
  slow('error_before', { status: 503 }, lost),
  slow('error_after', { status: 500 }),
  slow('duplicate_callback', { n: 15 }),
  // After the deadline of 8 s.
  slow('late_callback', { after_s: 12 }),
  slow('malformed', { mode: 'truncated' }),
  slow('bad_signature', { mode: 'wrong_key' }),
  wrong('amount'),
  wrong('reference'),
  duplicate,
  beside(slow('hang_after', { s: 30 }), 'inquiry_fail', { s: 30 }),
  beside(slow('hang_after', { s: 30 }), 'inquiry_lag', { s: 5 }),
  quick('statement'),
  quick('answer_twice'),
]

const declines = (codes: Readonly<Record<string, string>>): Kind[] =>
  Object.entries(codes).map(([reason, code]) => quick('decline', { reason }, `failed ${code}`))

const rowsOf = (rail: RailName, way: Way, on: FaultRow['on'], kinds: readonly Kind[]): FaultRow[] =>
  kinds.map((one) => ({ rail, way, on, ...one }))

const DECLINED = 'failed declined_by_rail'

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
const OPERATOR_DECLINES = {
  'CARRIER_BILLING.PAYMENT_DENIED': 'declined_by_rail',
  IDENTIFIER_NOT_FOUND: 'source_not_usable',
  SERVICE_NOT_APPLICABLE: 'source_not_usable',
  'CARRIER_BILLING.USER_AMOUNT_THRESHOLD_OVERPASSED': 'limit_exceeded',
}

export const FAULT_ROWS: readonly FaultRow[] = [
  ...rowsOf('bank', 'top-up', { operation: 'collect' }, atBank('insufficient_funds')),
  // Of a withdrawal it is our own account that lacks the money.
  ...rowsOf('bank', 'withdrawal', { operation: 'payOut' }, atBank('declined_by_rail')),
  ...rowsOf('money', 'top-up by mobile money', { operation: 'collect' }, atMoney('insufficient_funds')),
  ...rowsOf('money', 'withdrawal to mobile money', { operation: 'payOut' }, atMoney('declined_by_rail')),
  ...rowsOf('operator', 'qr from phone bill', { operation: 'collect', step: 'prepare' }, [
    ...common({ lost: NOT_EXECUTED, declined: DECLINED, duplicate: FOUND }),
    slow('contradict_callback', { after_s: 1 }),
    ...declines(OPERATOR_DECLINES),
  ]),
  ...rowsOf('operator', 'qr from phone bill', { operation: 'collect', step: 'confirm' }, [
    // Confirming twice is safe: what never arrived is confirmed again.
    ...common({
      lost: SUCCEEDED,
      declined: DECLINED,
      duplicate: FOUND,
      // The answer to a confirm has no content.
      wrong: (field) => quick('wrong_content', { field }),
    }),
    slow('contradict_callback', { after_s: 1 }),
    quick('decline', {}, DECLINED),
    // The reservation is gone before it was used.
    slow('expire', {}, NOT_EXECUTED),
  ]),
]

export function rowName({ rail, on, faults, decide, ends }: FaultRow): string {
  const words = faults.map((fault) => Object.values(fault).join(' ')).join(' + ')
  const decided = decide === undefined ? '' : `, decided ${decide}`
  return `${rail} ${on.step ?? on.operation}: ${words}${decided}: ${ends}`
}
