import type { FailureCode } from '../../contract/names.ts'
import type { RailOperation } from '../../domain/attempt.ts'

/** Error words of the Mobile Money API and what each means for the money (connectors.md §3.2). */

export type ErrorMeaning =
  | { kind: 'declined'; code: FailureCode; alarm: boolean }
  /** An earlier request under this correlation id exists: it decides. */
  | { kind: 'duplicate' }
  | { kind: 'back_off' }
  /** Our token, key or right is not accepted. */
  | { kind: 'unauthorised' }
  /** The operator's own trouble, which can hide a success. */
  | { kind: 'trouble' }

export type ErrorWords = { category: string; code: string }

/** The OpenAPI file writes `duplicateRequest`, the text pages `DuplicateRequest` and "Service Unavailable". */
const plain = (word: string): string => word.replaceAll(/\s/g, '').toLowerCase()

/** HTTP status each category comes with. */
const STATUS: ReadonlyMap<string, number> = new Map([
  ['businessrule', 400],
  ['validation', 400],
  ['authorisation', 401],
  ['identification', 404],
  ['internal', 500],
  ['serviceunavailable', 503],
])

export function statusOf(category: string): number | null {
  return STATUS.get(plain(category)) ?? null
}

const LIMITS = [
  ...['daily', 'weekly', 'monthly'].flatMap((span) => [`${span}ValueLimitExceeded`, `${span}VolumeLimitExceeded`]),
  'accountMaxTotalValueExceeded',
  'accountMaxTotalVolumeExceeded',
  'lessThanTransactionMinValue',
  'greaterThanTransactionMaxValue',
  'maxBalanceExceeded',
]
const PLAIN_REFUSALS = [
  'samePartiesError',
  'underPaymentNotAllowed',
  'overPaymentNotAllowed',
  'transactionTypeError',
  'linkViolation',
  'countryofOriginNotPermitted',
  'nationalityNotPermitted',
  'idDocumentNotSupported',
  'issuingCountryNotSupported',
  'quoteHasExpired',
  'genericError',
]
const MALFORMED = [
  'lengthError',
  'formatError',
  'negativeValue',
  'currencyNotSupported',
  'mandatoryValueNotSupplied',
  'invalidOffset',
  'genericError',
]
const UNAUTHORISED = [
  'clientAuthorisationError',
  'requestingPartyAuthorisationError',
  'servicingPartyAuthorisationError',
]

type Rule = (operation: RailOperation) => ErrorMeaning

const declines =
  (code: FailureCode, alarm = false): Rule =>
  () => ({ kind: 'declined', code, alarm })

/** Where the customer's account is at fault for a collect or pay-out, and the original for a refund. */
const aboutTheAccount =
  (refundAlarm: boolean): Rule =>
  (operation) =>
    operation === 'refund'
      ? { kind: 'declined', code: 'declined_by_rail', alarm: refundAlarm }
      : { kind: 'declined', code: 'source_not_usable', alarm: false }

/** Of a pay-out or refund it is our own account that lacks the money. */
const fundsOfThePayer: Rule = (operation) =>
  operation === 'collect'
    ? { kind: 'declined', code: 'insufficient_funds', alarm: false }
    : { kind: 'declined', code: 'declined_by_rail', alarm: true }

const words = (category: string, codes: readonly string[], rule: Rule): [string, Rule][] =>
  codes.map((code) => [`${plain(category)}/${plain(code)}`, rule])

const RULES: ReadonlyMap<string, Rule> = new Map([
  ...words('businessRule', ['insufficientFunds'], fundsOfThePayer),
  ...words('businessRule', LIMITS, declines('limit_exceeded')),
  ...words('businessRule', ['noMandateAuthority'], declines('source_not_usable')),
  ...words('businessRule', ['incorrectState'], aboutTheAccount(false)),
  ...words('businessRule', PLAIN_REFUSALS, declines('declined_by_rail')),
  ...words('businessRule', ['duplicateRequest'], () => ({ kind: 'duplicate' })),
  ...words('businessRule', ['rateLimitError'], () => ({ kind: 'back_off' })),
  ...words('validation', MALFORMED, declines('declined_by_rail', true)),
  ...words('authorisation', ['requestDeclined'], declines('declined_by_payer')),
  ...words('authorisation', UNAUTHORISED, () => ({ kind: 'unauthorised' })),
  ...words('identification', ['identifierError'], aboutTheAccount(true)),
  ...words('internal', ['genericError'], () => ({ kind: 'trouble' })),
  ...words('serviceUnavailable', ['genericError'], () => ({ kind: 'trouble' })),
])

/** Null for a pair of words we do not know, which decides nothing. */
export function meaningOf({ category, code }: ErrorWords, operation: RailOperation): ErrorMeaning | null {
  return RULES.get(`${plain(category)}/${plain(code)}`)?.(operation) ?? null
}

export function isRequestDeclined({ category, code }: ErrorWords): boolean {
  return plain(category) === 'authorisation' && plain(code) === 'requestdeclined'
}

/** "Nothing here by that name". */
export function isIdentifierError({ category, code }: ErrorWords): boolean {
  return plain(category) === 'identification' && plain(code) === 'identifiererror'
}
