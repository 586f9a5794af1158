import { isStoredRefusal, type ErrorCode } from '../../../src/contract/names.ts'
import type { ClientCode, PayOrder } from '../../mobile/index.ts'

/** What the person has agreed to, exactly as it was shown. */
export type Ask =
  | { what: 'pay'; payment: PayOrder['payment']; claim?: string; payee: string; source: string; label: string }
  /** The yes to what a shop asked for by this user's code. */
  | { what: 'consent'; payment: PayOrder['payment']; payee: string; source: string; label: string }
  | { what: 'transfer'; to: string; payee: string; amount: string; currency: string; note?: string }
  | { what: 'topup' | 'withdraw'; source: string; label: string; amount: string; currency: string }

/**
 * `too_late`: it waited for a connection for so long that the person is asked anew. `unanswered`: it was sent, and for so
 * long that the server may have forgotten its key nobody could ask what became of it.
 */
export type RefusalCode = ErrorCode | ClientCode | 'too_late' | 'unanswered'

/**
 * An order of money as this device keeps it, from the person's yes to the server's answer. Invariants:
 *  W1  it is on the disk before its first byte goes out, so that a reload goes on with it.
 *  W2  it has one idempotency key, made before the button could be pressed: pressed twice, it is one order.
 *  W3  `waiting` has never left this device, and can be taken back.
 *  W4  `sent` ends by the server's word alone; what is not known is asked again under the same key. Only where the key
 *      makes the payment, and is too old to be sure that the server still knows it, is it not sent: it would pay again.
 *  W5  that money has moved is said by a payment's status from the server, never by an order.
 */
export type Order = {
  /** Idempotency key. */
  key: string
  ask: Ask
  /** What was shown; exactly that is signed. */
  quote: { payer_fee: string; total: string }
  /** Milliseconds since the epoch, by this device. */
  at: number
  state: OrderState
}

export type OrderState =
  | { at: 'waiting' }
  /** An unanswered sending may take effect until `until`, when its signature has ended for certain. */
  | { at: 'sent'; until: number }
  /** The PIN is missing or wrong; asked under the same key once it is typed. `until` as above, 0: nothing is unanswered. */
  | { at: 'pin'; code: PinCode; until: number }
  | { at: 'accepted'; payment: string }
  | { at: 'refused'; code: RefusalCode; param: string | null }

/** Refusals that a PIN mends. They are not kept under the key, so that the same order can go again. */
const PIN_CODES = ['pin_required', 'pin_wrong', 'pin_locked'] as const satisfies ErrorCode[]
export type PinCode = (typeof PIN_CODES)[number]

/** An order that nobody could send for this long is not sent without asking again, ms. */
export const WAIT_MAX_MS = 5 * 60_000

/** So long the server surely knows a key (protocol.md, Idempotency), less an hour for clocks and the way, ms. */
export const KEY_KEPT_MS = 23 * 3_600_000

/** A confirmation is good for at most 300 s, and the server allows 60 s of leeway. */
export const SIGNATURE_MAX_MS = 6 * 60_000

/** What a try to send came to. */
export type Tried =
  | { answer: 'payment'; payment: string }
  | { answer: 'error'; outcome: 'refused' | 'not_sent' | 'unknown'; code: ErrorCode | ClientCode; param: string | null }

/** The order as it goes out at `now`, or refused where that is too long after the person's yes. */
export function sending(order: Order, now: number): Order {
  // A payment that was there before the key is paid once, whatever the server remembers of keys.
  if (order.state.at !== 'waiting' && !('payment' in order.ask) && now - order.at > KEY_KEPT_MS) {
    return { ...order, state: { at: 'refused', code: 'unanswered', param: null } }
  }
  if (order.state.at === 'waiting' && now - order.at > WAIT_MAX_MS) {
    return { ...order, state: { at: 'refused', code: 'too_late', param: null } }
  }
  return { ...order, state: { at: 'sent', until: now + SIGNATURE_MAX_MS } }
}

/** The order after a try that began from `before`. W4: only an answer that covers every earlier sending ends it. */
export function tried(before: Order, result: Tried, now: number): Order {
  if (result.answer === 'payment') return { ...before, state: { at: 'accepted', payment: result.payment } }
  if (result.outcome === 'not_sent') return before
  if (result.outcome === 'unknown') return { ...before, state: { at: 'sent', until: now + SIGNATURE_MAX_MS } }
  const { code, param } = result
  const until = 'until' in before.state && now < before.state.until ? before.state.until : 0
  if (isPinCode(code)) return { ...before, state: { at: 'pin', code, until } }
  const isKept = isErrorCode(code) && isStoredRefusal(code)
  // A refusal that is not kept under the key says nothing of an earlier sending that may still take effect, and one that
  // comes before the key is looked up nothing of one that has.
  if (!isKept && (until > 0 || (mayHaveLeft(before) && !isAfterTheKey(code)))) return before
  return { ...before, state: { at: 'refused', code, param } }
}

/** Whether an earlier sending of it may have taken effect. */
function mayHaveLeft({ state }: Order): boolean {
  return state.at === 'sent' || (state.at === 'pin' && state.until > 0)
}

/** Whether something is still to be done about it. */
export function isOpen({ state }: Order): boolean {
  return state.at === 'waiting' || state.at === 'sent' || state.at === 'pin'
}

/** The payment an order is about, as far as it is known. */
export function paymentOf(order: Order): string | null {
  if (order.state.at === 'accepted') return order.state.payment
  return 'payment' in order.ask ? order.ask.payment.id : null
}

/** What an order is about, in one shape. */
export function amountOf({ ask }: Order): { amount: string; currency: string } {
  return 'payment' in ask ? ask.payment : ask
}

const CLIENT_CODES: readonly string[] = [
  'closed',
  'connection_lost',
  'deadline_exceeded',
  'session_refused',
  'consumer_too_slow',
  'queue_full',
  'frame_too_large',
  'protocol_fault',
] satisfies ClientCode[]

/** Refusals by a hub that found nothing under the key, though they are not kept under it either. */
const AFTER_THE_KEY: ReadonlySet<ErrorCode | ClientCode> = new Set<ErrorCode>([
  'invalid_request',
  'signature_invalid',
  'signature_mismatch',
  'confirmation_replayed',
  'confirmation_expired',
  'device_restricted',
  'rail_unavailable',
])

function isAfterTheKey(code: ErrorCode | ClientCode): boolean {
  return AFTER_THE_KEY.has(code)
}

function isPinCode(code: ErrorCode | ClientCode): code is PinCode {
  return PIN_CODES.some((one) => one === code)
}

function isErrorCode(code: ErrorCode | ClientCode): code is ErrorCode {
  return !CLIENT_CODES.includes(code)
}
