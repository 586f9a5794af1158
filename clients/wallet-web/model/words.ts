import type { PaymentView } from '../../../src/contract/index.ts'
import type { FailureCode } from '../../../src/contract/names.ts'
import { MooringError } from '../../mobile/index.ts'
import type { Order, RefusalCode } from './order.ts'

/** What people read. Each refusal says what to do next; none says more than is known. */

const REFUSALS: Partial<Record<RefusalCode, string>> = {
  insufficient_funds: 'There is not enough money there. Top up, or choose another way to pay.',
  limit_exceeded: 'This is above your limit. Try a smaller amount, or again tomorrow.',
  amount_too_small: 'The amount is too small.',
  amount_invalid: 'This amount cannot be paid. Check it and try again.',
  currency_not_supported: 'This currency is not served here.',
  currency_mismatch: 'The currencies do not fit together.',
  not_found: 'Nothing was found under this. Check it and try again.',
  already_claimed: 'Somebody else is paying this already. Ask for a new code.',
  payment_expired: 'The time to pay this is over. Ask the shop for a new code.',
  payment_not_confirmable: 'This has been paid or called off already. Look in your history.',
  payment_not_cancelable: 'It can no longer be called off: money may be moving.',
  rail_unavailable: 'They cannot be reached right now. Nothing was paid; try again in a minute, or another way.',
  source_not_found: 'This account is no longer linked. Choose another way to pay.',
  source_not_usable: 'This account cannot be used for it. Choose another way to pay.',
  declined_by_rail: 'The bank or operator said no. Ask them why, or choose another way to pay.',
  declined_by_payer: 'It was turned down.',
  not_executed: 'It never came to be done, and nothing was charged. You can try again.',
  otp_wrong: 'That is not the code. Check the newest message and try again.',
  otp_expired: 'The code is too old. Start again to get a new one.',
  otp_exhausted: 'Too many wrong codes. Start again to get a new one.',
  rate_limited: 'That was a lot at once. Wait a minute, then try again.',
  overloaded: 'Mooring is very busy. Nothing was done; try again in a minute.',
  temporarily_unavailable: 'Mooring cannot be reached just now. Look in your history before you try again.',
  signature_mismatch: 'The terms have changed since you saw them. Look at them again.',
  confirmation_expired: 'This took too long. Look at it again and confirm anew.',
  pin_required: 'This amount needs your PIN.',
  pin_wrong: 'That is not your PIN.',
  pin_locked: 'Too many wrong PINs. Wait a while, then try again.',
  device_restricted:
    'This phone is not approved yet. Approve it on your other phone, or here with your PIN, under “Me”.',
  code_used: 'This code was used already. The next one comes in a moment.',
  forbidden: 'This is not allowed here.',
  connection_lost: 'There is no connection. Check your network; nothing was lost.',
  deadline_exceeded: 'No answer yet. Check your network and try again.',
  session_refused: 'The server has ended this session.',
  unanswered: 'No answer came for a day. Look in your history whether it was paid before you start again.',
  too_late: 'You were offline for too long, so it was not sent. Nothing was paid; you can start again.',
  idempotency_key_reused: 'This was sent once already with other content. Start again.',
  internal: 'Something went wrong at Mooring. Look in your history before you try again.',
}

/** Fields by their name on the wire: what to do about one that is not right. */
const PARAMS: Record<string, string> = {
  payload: 'This is not a code that Mooring can pay. Ask the shop for its Mooring code.',
  account: 'The bank does not know this account. Check the number and try again.',
  phone: 'This number is not one we can reach. Write it with its country, like +254 700 000 001.',
  amount: 'This amount cannot be paid. Check it and try again.',
  note: 'The note is too long, or has signs that cannot be sent.',
}

export function refusalText(code: RefusalCode, param: string | null = null): string {
  if (code === 'invalid_request') return PARAMS[param ?? ''] ?? 'Something in it is not right. Check it and try again.'
  return REFUSALS[code] ?? 'This could not be done. Try again, or ask for help.'
}

/** What a person is told of an error, whatever it is. */
export function errorText(error: unknown): string {
  if (error instanceof MooringError) return refusalText(error.code, error.param)
  return 'Something went wrong on this page. Reload it and try again.'
}

export const ENROLMENT_UNKNOWN =
  'Mooring could not be reached just now. Check your network, then start again: a code from before is of no use any more.'

export type Tone = 'good' | 'bad' | 'warn' | 'calm'

/** A payment in two words, for lists. */
export function statusWord(payment: PaymentView): { word: string; tone: Tone } {
  const { status, status_reason, refunded_amount, captured_amount, recovery } = payment
  if (recovery !== null && recovery.state !== 'absorbed') return { word: 'Money came back', tone: 'warn' }
  switch (status) {
    case 'succeeded':
      if (refunded_amount === '0') return { word: doneWord(payment), tone: 'good' }
      return { word: refunded_amount === captured_amount ? 'Refunded' : 'Partly refunded', tone: 'calm' }
    case 'failed':
      return { word: notDoneWord(payment), tone: 'bad' }
    case 'canceled':
      return { word: 'Called off', tone: 'calm' }
    case 'expired':
      return { word: 'Expired', tone: 'calm' }
    case 'requires_capture':
      return { word: 'Held', tone: 'calm' }
    case 'requires_action':
      return { word: 'Your turn', tone: 'warn' }
    case 'requires_confirmation':
      return { word: 'To confirm', tone: 'calm' }
    case 'processing':
      return status_reason === null ? { word: 'On its way', tone: 'calm' } : { word: 'Waiting', tone: 'warn' }
  }
}

export function doneWord({ kind }: Pick<PaymentView, 'kind'>): string {
  switch (kind) {
    case 'purchase':
      return 'Paid'
    case 'transfer':
      return 'Sent'
    case 'topup':
      return 'Topped up'
    case 'withdrawal':
      return 'Withdrawn'
  }
}

export function notDoneWord({ kind }: Pick<PaymentView, 'kind'>): string {
  switch (kind) {
    case 'purchase':
      return 'Not paid'
    case 'transfer':
      return 'Not sent'
    case 'topup':
      return 'Not topped up'
    case 'withdrawal':
      return 'Not withdrawn'
  }
}

/** Who stands on the other side, and whether money came or went. */
export function sideOf(payment: PaymentView, user: string): { title: string; incoming: boolean } {
  switch (payment.kind) {
    case 'purchase':
      return { title: payment.payee_name, incoming: false }
    case 'transfer':
      if (payment.payer === user) return { title: payment.payee_name, incoming: false }
      return { title: 'From a Mooring user', incoming: true }
    case 'topup':
      return { title: payment.source?.label ?? 'Your account', incoming: true }
    case 'withdrawal':
      return { title: payment.source?.label ?? 'Your account', incoming: false }
  }
}

export function orderTitle({ ask }: Order): string {
  switch (ask.what) {
    case 'pay':
    case 'consent':
    case 'transfer':
      return ask.payee
    case 'topup':
    case 'withdraw':
      return ask.label
  }
}

const FAILURES: Record<FailureCode, string> = {
  insufficient_funds: 'There was not enough money there. Nothing was charged.',
  source_not_usable: 'The account could not be used. Nothing was charged.',
  limit_exceeded: 'It was above a limit. Nothing was charged.',
  declined_by_payer: 'You turned it down. Nothing was charged.',
  declined_by_rail: 'They said no. Nothing was charged; ask them why, or pay another way.',
  not_executed: 'It was never carried out. Nothing was charged; you can try again.',
  rail_unavailable: 'They could not be reached. Nothing was charged; try again, or pay another way.',
}

export function failureText(payment: PaymentView): string {
  const found = Object.entries(FAILURES).find(([code]) => code === payment.failure?.code)
  return found?.[1] ?? payment.failure?.message ?? 'Nothing was charged.'
}

export function ago(then: number, now: number): string {
  const minutes = Math.floor((now - then) / 60_000)
  if (minutes < 1) return 'just now'
  if (minutes < 60) return `${minutes} min ago`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return `${hours} h ago`
  return new Date(then).toLocaleDateString(undefined, { day: 'numeric', month: 'short' })
}

export function clockTime(time: string | number): string {
  return new Date(time).toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' })
}

export function dayOf(time: string): string {
  return new Date(time).toLocaleDateString(undefined, { weekday: 'short', day: 'numeric', month: 'short' })
}
