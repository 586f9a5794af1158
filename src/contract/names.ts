/**
 * The closed lists of words that cross a wire. Free of zod, so that workflows,
 * the domain and browser clients can import it without its cost.
 */

export const PROTOCOL_VERSION = 'mooring.v1'

export const PAYMENT_KINDS = ['purchase', 'transfer', 'topup', 'withdrawal'] as const
export type PaymentKind = (typeof PAYMENT_KINDS)[number]

export const PAYMENT_STATUSES = [
  'requires_confirmation',
  'requires_action',
  'processing',
  'requires_capture',
  'succeeded',
  'failed',
  'canceled',
  'expired',
] as const
export type PaymentStatus = (typeof PAYMENT_STATUSES)[number]

export const STATUS_REASONS = ['awaiting_rail', 'needs_operator'] as const
export type StatusReason = (typeof STATUS_REASONS)[number]

export const REFUND_STATUSES = ['processing', 'pending_funds', 'succeeded', 'failed'] as const
export type RefundStatus = (typeof REFUND_STATUSES)[number]

/** What a payer can be asked for in the midst of a payment. */
export const NEXT_ACTIONS = ['confirm_on_phone', 'enter_code', 'approve_mandate'] as const
export type NextActionType = (typeof NEXT_ACTIONS)[number]

/** What became of a payment's money after the payment had ended. */
export const RECOVERY_KINDS = ['returned', 'late_settlement', 'contradicted'] as const
export type RecoveryKind = (typeof RECOVERY_KINDS)[number]
/** `open`: somebody has to decide; `returned`: sent or given back; `suspended`: kept for whom it belongs to; `absorbed`: posted to whom it hits. */
export const RECOVERY_STATES = ['open', 'returned', 'suspended', 'absorbed'] as const
export type RecoveryState = (typeof RECOVERY_STATES)[number]

export const DISPUTE_STATES = ['opened', 'won', 'lost'] as const
export type DisputeState = (typeof DISPUTE_STATES)[number]

export const CAPTURE_METHODS = ['automatic', 'manual'] as const
export type CaptureMethod = (typeof CAPTURE_METHODS)[number]

export const SOURCE_TYPES = ['wallet', 'bank', 'operator', 'mobile_money'] as const
export type SourceType = (typeof SOURCE_TYPES)[number]

export const DEVICE_STATUSES = ['active', 'restricted', 'revoked'] as const
export type DeviceStatus = (typeof DEVICE_STATUSES)[number]

export const SOURCE_STATUSES = ['active', 'requires_action', 'revoked'] as const
export type SourceStatus = (typeof SOURCE_STATUSES)[number]

/** Every code an `error` may carry, on the socket and in problem+json. */
export const ERROR_CODES = [
  'invalid_request',
  'unknown_command',
  'unauthenticated',
  'forbidden',
  'not_found',
  'order_ref_in_use',
  'payment_not_capturable',
  'payment_not_cancelable',
  'amount_exceeds_refundable',
  'currency_mismatch',
  'capture_method_unsupported',
  'declined_by_payer',
  'declined_by_rail',
  'not_executed',
  'otp_wrong',
  'otp_expired',
  'otp_exhausted',
  'idempotency_key_missing',
  'idempotency_key_reused',
  'in_flight',
  'rate_limited',
  'overloaded',
  'temporarily_unavailable',
  'signature_invalid',
  'signature_mismatch',
  'confirmation_replayed',
  'confirmation_expired',
  'insufficient_funds',
  'limit_exceeded',
  'amount_too_small',
  'amount_invalid',
  'currency_not_supported',
  'payment_not_confirmable',
  'already_claimed',
  'payment_expired',
  'rail_unavailable',
  'source_not_found',
  'source_not_usable',
  'code_used',
  'code_invalid',
  'pin_required',
  'pin_wrong',
  'pin_locked',
  'device_restricted',
  'internal',
] as const
export type ErrorCode = (typeof ERROR_CODES)[number]

/** Codes worth sending again unchanged, later. */
const RETRYABLE: ReadonlySet<ErrorCode> = new Set([
  'in_flight',
  'rate_limited',
  'overloaded',
  'temporarily_unavailable',
  'rail_unavailable',
  'internal',
])

export function isRetryable(code: ErrorCode): boolean {
  return RETRYABLE.has(code)
}

/**
 * Refusals that say nothing lasting about the command, so they are neither stored
 * under its idempotency key nor replayed (protocol.md, Idempotency).
 */
const NOT_STORED: ReadonlySet<ErrorCode> = new Set([
  'invalid_request',
  'unauthenticated',
  'forbidden',
  'signature_invalid',
  'signature_mismatch',
  'confirmation_replayed',
  'confirmation_expired',
  'pin_required',
  'pin_wrong',
  'pin_locked',
  'device_restricted',
  'rate_limited',
  'in_flight',
  'overloaded',
  'rail_unavailable',
  'temporarily_unavailable',
  'internal',
  'unknown_command',
  'idempotency_key_missing',
  'idempotency_key_reused',
])

export function isStoredRefusal(code: ErrorCode): boolean {
  return !NOT_STORED.has(code)
}

/** Refusals after which a command may have been carried out all the same (protocol.md, Idempotency). */
const LEAVES_OPEN: ReadonlySet<ErrorCode> = new Set(['temporarily_unavailable', 'in_flight', 'internal'])

export function leavesOpen(code: ErrorCode): boolean {
  return LEAVES_OPEN.has(code)
}

/** What a payment that ended `failed` may name as its cause (payments.md, failure.code). */
export const FAILURE_CODES = [
  'insufficient_funds',
  'source_not_usable',
  'limit_exceeded',
  'declined_by_payer',
  'declined_by_rail',
  'not_executed',
  'rail_unavailable',
] as const satisfies readonly ErrorCode[]
export type FailureCode = (typeof FAILURE_CODES)[number]

export const EVENT_NAMES = [
  'payment.updated',
  'refund.updated',
  'balance.updated',
  'source.updated',
  'payout.updated',
  'settlement.created',
  'device.added',
  'device.revoked',
] as const
export type EventName = (typeof EVENT_NAMES)[number]

/** WebSocket close codes. 4000–4499: reconnect with backoff; 4500–4999: do not retry unchanged. */
export const CLOSE = {
  tooLarge: 1009,
  binary: 1003,
  invalidUtf8: 1007,
  policy: 1008,
  internal: 4000,
  goingAway: 4001,
  slowConsumer: 4002,
  heartbeat: 4003,
  helloTimeout: 4004,
  overloaded: 4005,
  replaced: 4006,
  tokenExpired: 4007,
  badFrame: 4500,
  unauthenticated: 4501,
  forbidden: 4504,
  rateAbuse: 4505,
} as const
export type CloseCode = (typeof CLOSE)[keyof typeof CLOSE]

/** JOSE `typ` of each proof a device signs. */
export const PROOF_TYP = {
  proof: 'mooring-proof+jwt',
  confirm: 'mooring-confirm+jwt',
  action: 'mooring-action+jwt',
} as const
export type ProofTyp = (typeof PROOF_TYP)[keyof typeof PROOF_TYP]

/** Leeway on a proof's `exp`, the one time in it that is checked. */
export const PROOF_LEEWAY_S = 60
/** How far ahead a confirmation's or an action's `exp` may lie. */
export const PROOF_MAX_AHEAD_S = 300

/** What ISO 4217 says of a currency; `exponent` is how many decimals its minor unit makes, `numeric` is what QR payloads carry. */
export type CurrencyFacts = { name: string; exponent: 0 | 2 | 3; numeric: string }

/** By alphabetic code. */
export type CurrencyTable = Readonly<Record<string, CurrencyFacts>>

/** Currencies known without being told; a deployment adds others in MOORING_CURRENCIES. */
export const CURRENCIES: CurrencyTable = {
  BHD: { name: 'Bahraini dinar', exponent: 3, numeric: '048' },
  EUR: { name: 'Euro', exponent: 2, numeric: '978' },
  GBP: { name: 'Pound sterling', exponent: 2, numeric: '826' },
  JPY: { name: 'Yen', exponent: 0, numeric: '392' },
  KES: { name: 'Kenyan shilling', exponent: 2, numeric: '404' },
  KWD: { name: 'Kuwaiti dinar', exponent: 3, numeric: '414' },
  TND: { name: 'Tunisian dinar', exponent: 3, numeric: '788' },
  UGX: { name: 'Uganda shilling', exponent: 0, numeric: '800' },
  USD: { name: 'US dollar', exponent: 2, numeric: '840' },
}

/** Updates of a workflow by which operators act on it; each carries an approval and nothing else. */
export const OPS_UPDATES = ['resolve', 'cancel', 'inquireNow', 'approve'] as const
export type OpsUpdate = (typeof OPS_UPDATES)[number]

/** How the types of failures begin that tell an operator why an update was refused; their words stay readable in Temporal. */
export const REFUSED = 'refused.'

/** What an operator may decide about a payment or refund that waits; each needs an approval made by the ops service. */
export const OPS_ACTIONS = ['inquire_now', 'resolve_settled', 'resolve_not_moved', 'cancel', 'approve_return'] as const
export type OpsAction = (typeof OPS_ACTIONS)[number]

/** What operators find workflows by in Temporal, which keeps them unencrypted: opaque ids, kinds and stages. */
export const SEARCH_ATTRIBUTES = [
  'MooringKind',
  'MooringStage',
  'MooringRail',
  'MooringMerchant',
  'MooringUser',
] as const
export type SearchAttribute = (typeof SEARCH_ATTRIBUTES)[number]
