import type { FailureCode } from '../../contract/names.ts'
import { isBusy } from './operator.ts'

/** What a refusal of each call means for the money: connectors.md §2.3, row by row. */

/** Calls that move money, or lead to it. */
export type MoneyCall = 'create' | 'prepare' | 'validate' | 'confirm' | 'cancel' | 'refund'

export type Refusal =
  /** Nothing moved under this reference, and nothing will. */
  | { kind: 'declined'; code: FailureCode; alarm: boolean }
  /** The payer's code was not accepted. */
  | { kind: 'wrong_code' }
  /** Says nothing final: what the operator shows of the payment decides. */
  | { kind: 'look' }
  /** Our mistake, or a word for "seen before": declined once the operator shows nothing of ours (first send only). */
  | { kind: 'ambiguous' }
  | { kind: 'unknown'; alarm: boolean }

const OPENING: ReadonlySet<MoneyCall> = new Set(['create', 'prepare', 'refund'])

const declined = (code: FailureCode, alarm = false): Refusal => ({ kind: 'declined', code, alarm })
const LOOK: Refusal = { kind: 'look' }
const AMBIGUOUS: Refusal = { kind: 'ambiguous' }
const ALARM: Refusal = { kind: 'unknown', alarm: true }
const BUG = declined('declined_by_rail', true)

/** createPayment, preparePayment: the payment does not exist. */
const PAYMENT_REFUSED: Readonly<Record<string, Refusal>> = {
  '400 INVALID_CREDENTIAL': BUG,
  '400 INVALID_TOKEN': BUG,
  '400 INVALID_SINK': BUG,
  '403 PERMISSION_DENIED': BUG,
  '403 CARRIER_BILLING.PAYMENT_DENIED': declined('declined_by_rail'),
  '404 IDENTIFIER_NOT_FOUND': declined('source_not_usable'),
  '422 SERVICE_NOT_APPLICABLE': declined('source_not_usable'),
  '422 MISSING_IDENTIFIER': BUG,
  '422 UNNECESSARY_IDENTIFIER': BUG,
  '422 CARRIER_BILLING.UNAUTHORIZED_AMOUNT': declined('limit_exceeded'),
  '422 CARRIER_BILLING.USER_AMOUNT_THRESHOLD_OVERPASSED': declined('limit_exceeded'),
}

/** createRefund: the refund does not exist. */
const REFUND_REFUSED: Readonly<Record<string, Refusal>> = {
  '400 INVALID_CREDENTIAL': BUG,
  '400 INVALID_TOKEN': BUG,
  '400 INVALID_SINK': BUG,
  '403 CARRIER_BILLING_REFUND.REFUND_DENIED': declined('declined_by_rail'),
  '403 CARRIER_BILLING_REFUND.PAYMENT_NOT_ELIGIBLE_FOR_REFUND': declined('declined_by_rail'),
  '422 CARRIER_BILLING_REFUND.UNAUTHORIZED_AMOUNT': declined('limit_exceeded'),
  '422 CARRIER_BILLING_REFUND.USER_AMOUNT_THRESHOLD_OVERPASSED': declined('limit_exceeded'),
  '422 CARRIER_BILLING_REFUND.INVALID_PAYMENT_STATUS': declined('declined_by_rail'),
  '422 CARRIER_BILLING_REFUND.TAXES_MANAGEMENT_MISMATCH': BUG,
  '422 CARRIER_BILLING_REFUND.REFUND_DETAILS_MISMATCH': BUG,
}

/** validatePayment, confirmPayment, cancelPayment: the payment exists, and shows what became of it. */
const STEP_REFUSED: Readonly<Record<string, Refusal>> = {
  '400 INVALID_ARGUMENT': LOOK,
  '400 CARRIER_BILLING.VALIDATION_FAILED': LOOK,
  '403 CARRIER_BILLING.PAYMENT_DENIED': LOOK,
  '404 NOT_FOUND': LOOK,
  '404 IDENTIFIER_NOT_FOUND': LOOK,
  '409 ALREADY_EXISTS': LOOK,
  '409 CARRIER_BILLING.PAYMENT_CONFIRMED': LOOK,
  '409 CARRIER_BILLING.PAYMENT_CANCELLED': LOOK,
  '422 SERVICE_NOT_APPLICABLE': LOOK,
  '422 MISSING_IDENTIFIER': LOOK,
  '422 UNNECESSARY_IDENTIFIER': LOOK,
}

/** `code` is null where the body was no refusal of CAMARA's, or spoke of another status. */
export function refusalOf(call: MoneyCall, status: number, code: string | null): Refusal {
  if (isBusy(status)) return { kind: 'unknown', alarm: false }
  if (code === null) return ALARM
  const key = `${status} ${code}`
  if (OPENING.has(call)) {
    if (key === '400 INVALID_ARGUMENT') return AMBIGUOUS
    if (key === '409 ALREADY_EXISTS') return LOOK
    return (call === 'refund' ? REFUND_REFUSED : PAYMENT_REFUSED)[key] ?? ALARM
  }
  const tryAgain = key === '400 CARRIER_BILLING.INVALID_CODE' || key === '400 CARRIER_BILLING.INVALID_AUTHORIZATION_ID'
  if (call === 'validate' && tryAgain) return { kind: 'wrong_code' }
  return STEP_REFUSED[key] ?? ALARM
}
