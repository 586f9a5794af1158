import { expect, it } from 'vitest'
import { refusalOf, type MoneyCall } from '../../src/rails/camara/refusals.ts'

/** connectors.md §2.3, row by row: what a refusal of each call means for the money. */

const REFUND = 'CARRIER_BILLING_REFUND.'
const BILLING = 'CARRIER_BILLING.'
const declined = (code: string, alarm = false) => ({ kind: 'declined', code, alarm })
const LOOK = { kind: 'look' }
const AMBIGUOUS = { kind: 'ambiguous' }
const BUG = declined('declined_by_rail', true)
const UNKNOWN = { kind: 'unknown', alarm: false }
const ALARM = { kind: 'unknown', alarm: true }
const ALL: MoneyCall[] = ['create', 'prepare', 'validate', 'confirm', 'cancel', 'refund']
const OPENING: MoneyCall[] = ['create', 'prepare']
const STEPS: MoneyCall[] = ['validate', 'confirm', 'cancel']

const ROWS: [MoneyCall[], number, string | null, object][] = [
  [['create', 'prepare', 'refund'], 400, 'INVALID_ARGUMENT', AMBIGUOUS],
  [STEPS, 400, 'INVALID_ARGUMENT', LOOK],
  [['create', 'prepare', 'refund'], 400, 'INVALID_CREDENTIAL', BUG],
  [['create', 'prepare', 'refund'], 400, 'INVALID_TOKEN', BUG],
  [['create', 'prepare', 'refund'], 400, 'INVALID_SINK', BUG],
  [['validate'], 400, `${BILLING}INVALID_AUTHORIZATION_ID`, { kind: 'wrong_code' }],
  [['validate'], 400, `${BILLING}INVALID_CODE`, { kind: 'wrong_code' }],
  [['confirm', 'cancel', 'create', 'refund'], 400, `${BILLING}INVALID_CODE`, ALARM],
  [['validate'], 400, `${BILLING}VALIDATION_FAILED`, LOOK],
  [OPENING, 403, 'PERMISSION_DENIED', BUG],
  [['confirm', 'cancel', 'validate', 'refund'], 403, 'PERMISSION_DENIED', ALARM],
  [OPENING, 403, `${BILLING}PAYMENT_DENIED`, declined('declined_by_rail')],
  [['confirm'], 403, `${BILLING}PAYMENT_DENIED`, LOOK],
  [OPENING, 404, 'IDENTIFIER_NOT_FOUND', declined('source_not_usable')],
  [['confirm', 'cancel'], 404, 'IDENTIFIER_NOT_FOUND', LOOK],
  [STEPS, 404, 'NOT_FOUND', LOOK],
  [['refund'], 404, 'NOT_FOUND', ALARM],
  [ALL, 409, 'ALREADY_EXISTS', LOOK],
  [['confirm', 'cancel'], 409, `${BILLING}PAYMENT_CONFIRMED`, LOOK],
  [['confirm', 'cancel'], 409, `${BILLING}PAYMENT_CANCELLED`, LOOK],
  [OPENING, 409, `${BILLING}PAYMENT_CONFIRMED`, ALARM],
  [OPENING, 422, 'SERVICE_NOT_APPLICABLE', declined('source_not_usable')],
  [OPENING, 422, 'MISSING_IDENTIFIER', BUG],
  [OPENING, 422, 'UNNECESSARY_IDENTIFIER', BUG],
  [['confirm', 'cancel'], 422, 'SERVICE_NOT_APPLICABLE', LOOK],
  [['confirm', 'cancel'], 422, 'MISSING_IDENTIFIER', LOOK],
  [OPENING, 422, `${BILLING}UNAUTHORIZED_AMOUNT`, declined('limit_exceeded')],
  [OPENING, 422, `${BILLING}USER_AMOUNT_THRESHOLD_OVERPASSED`, declined('limit_exceeded')],
  [['refund'], 403, `${REFUND}REFUND_DENIED`, declined('declined_by_rail')],
  [['refund'], 403, `${REFUND}PAYMENT_NOT_ELIGIBLE_FOR_REFUND`, declined('declined_by_rail')],
  [['refund'], 422, `${REFUND}UNAUTHORIZED_AMOUNT`, declined('limit_exceeded')],
  [['refund'], 422, `${REFUND}USER_AMOUNT_THRESHOLD_OVERPASSED`, declined('limit_exceeded')],
  [['refund'], 422, `${REFUND}INVALID_PAYMENT_STATUS`, declined('declined_by_rail')],
  [['refund'], 422, `${REFUND}TAXES_MANAGEMENT_MISMATCH`, BUG],
  [['refund'], 422, `${REFUND}REFUND_DETAILS_MISMATCH`, BUG],
  [OPENING, 403, `${REFUND}REFUND_DENIED`, ALARM],
  [['refund'], 403, `${BILLING}PAYMENT_DENIED`, ALARM],
  // The code counts only under its own status, and a refusal only with a code.
  [OPENING, 400, `${BILLING}PAYMENT_DENIED`, ALARM],
  [ALL, 403, null, ALARM],
  [ALL, 404, null, ALARM],
  [ALL, 200, null, ALARM],
  [ALL, 302, null, ALARM],
  [ALL, 403, 'A_WORD_NOBODY_KNOWS', ALARM],
  [ALL, 429, 'TOO_MANY_REQUESTS', UNKNOWN],
  [ALL, 408, null, UNKNOWN],
  [ALL, 500, null, UNKNOWN],
  [ALL, 503, `${BILLING}PAYMENT_DENIED`, UNKNOWN],
]

it.each(ROWS.flatMap(([calls, status, code, meaning]) => calls.map((call) => [call, status, code, meaning] as const)))(
  '%s refused with %d %s',
  (call, status, code, meaning) => {
    expect(refusalOf(call, status, code)).toEqual(meaning)
  },
)
