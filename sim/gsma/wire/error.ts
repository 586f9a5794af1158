import { z } from 'zod'
import { jsonReply, type JsonReply } from '../../common/answer.ts'

/** Error objects of the Mobile Money API 1.2.0, in the OpenAPI's spelling. */

export const WireError = z.object({
  category: z.enum(['businessRule', 'validation', 'authorisation', 'identification', 'internal', 'serviceUnavailable']),
  code: z.string(),
  /** What was wrong with what, for the client's people. */
  parameters: z.array(z.object({ key: z.string(), value: z.string() })).optional(),
})
export type WireError = z.infer<typeof WireError>

const STATUS: Readonly<Record<WireError['category'], number>> = {
  businessRule: 400,
  validation: 400,
  authorisation: 401,
  identification: 404,
  internal: 500,
  serviceUnavailable: 503,
}

/** Every code a decline may be told as, with its category. */
const BUSINESS_CODES = [
  'genericError',
  'dailyVolumeLimitExceeded',
  'dailyValueLimitExceeded',
  'weeklyVolumeLimitExceeded',
  'weeklyValueLimitExceeded',
  'monthlyVolumeLimitExceeded',
  'monthlyValueLimitExceeded',
  'accountMaxTotalVolumeExceeded',
  'accountMaxTotalValueExceeded',
  'lessThanTransactionMinValue',
  'greaterThanTransactionMaxValue',
  'maxBalanceExceeded',
  'samePartiesError',
  'duplicateRequest',
  'insufficientFunds',
  'incorrectState',
  'underPaymentNotAllowed',
  'overPaymentNotAllowed',
  'rateLimitError',
  'transactionTypeError',
  'noMandateAuthority',
  'linkViolation',
  'countryofOriginNotPermitted',
  'nationalityNotPermitted',
  'idDocumentNotSupported',
  'issuingCountryNotSupported',
  'quoteHasExpired',
]
const CATEGORY = new Map<string, WireError['category']>([
  ...BUSINESS_CODES.map((code): [string, WireError['category']] => [code, 'businessRule']),
  ['lengthError', 'validation'],
  ['formatError', 'validation'],
  ['negativeValue', 'validation'],
  ['currencyNotSupported', 'validation'],
  ['mandatoryValueNotSupplied', 'validation'],
  ['requestDeclined', 'authorisation'],
  ['clientAuthorisationError', 'authorisation'],
  ['requestingPartyAuthorisationError', 'authorisation'],
  ['servicingPartyAuthorisationError', 'authorisation'],
  ['identifierError', 'identification'],
])

/** The reason a declined order is given where nobody named one. */
export const PLAIN_DECLINE = 'genericError'

/** Null for a word that is none of the API's. */
export function errorOf(code: string): WireError | null {
  const category = CATEGORY.get(code)
  return category === undefined ? null : { category, code }
}

export function business(code: string): WireError {
  return { category: 'businessRule', code }
}

export function invalid(code: string, key: string, value: string): WireError {
  return { category: 'validation', code, parameters: [{ key, value: value.slice(0, 256) }] }
}

export function errorObject(error: WireError, nowMs: number): Record<string, unknown> {
  return {
    errorCategory: error.category,
    errorCode: error.code,
    errordescription: `The request was refused: ${error.code}`,
    errorDateTime: new Date(nowMs).toISOString(),
    ...(error.parameters === undefined ? {} : { errorParameters: error.parameters }),
  }
}

export function errorReply(error: WireError, nowMs: number): JsonReply {
  return jsonReply(STATUS[error.category], errorObject(error, nowMs))
}
