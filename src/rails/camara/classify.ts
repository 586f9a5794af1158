import { CURRENCIES, type CurrencyTable, type FailureCode } from '../../contract/names.ts'
import { assertNever } from '../../domain/result.ts'
import type { Evidence, RailMemo, RailOrder, RailOutcome } from '../port.ts'
import { readAmount } from './amount.ts'
import type { JsonNumber } from './json.ts'
import { phoneOf, refundTypeOf } from './messages.ts'
import type { Payment, Refund } from './wire.ts'

/**
 * What the operator's view of a payment or refund says about an order's present
 * step: connectors.md §2.2 and §2.6 as functions of values. Whatever is not about
 * our reference, phone, amount and currency is `unknown`.
 */

export type Seen = {
  via: Evidence['via']
  /** Asked after the step's call can no longer be on its way (its deadline is over). */
  quiet: boolean
  currencies?: CurrencyTable
}

export function paymentOutcome(payment: Payment, order: RailOrder, seen: Seen): RailOutcome {
  const { phoneNumber, clientCorrelator, referenceCode, paymentAmount, serverReferenceCode } = payment.amountTransaction
  const mismatch =
    otherReference(referenceCode, clientCorrelator, order) ??
    (phoneNumber === phoneOf(order) ? null : 'another phone') ??
    otherAmount(paymentAmount.chargingInformation, order, seen)
  if (mismatch !== null) return unknown(mismatch, true)

  const { paymentId, paymentStatus, validationInfo } = payment
  const memo: RailMemo = {
    ...order.memo,
    paymentId,
    ...(validationInfo?.authorizationId === undefined ? {} : { authorizationId: validationInfo.authorizationId }),
  }
  const evidence: Evidence = {
    via: seen.via,
    id: null,
    status: paymentStatus,
    railReference: serverReferenceCode ?? paymentId,
  }
  switch (paymentStatus) {
    case 'processing':
      return { kind: 'pending', evidence, memo }
    case 'reserved':
      return reserved(order, seen, evidence, memo)
    case 'pending_validation':
      return awaitingCode(order, seen, evidence, memo)
    case 'succeeded':
      if (order.step === 'submit' || order.step === 'confirm') return { kind: 'settled', evidence, memo }
      // A confirm that was thought lost has won: this state has no way back.
      if (order.step === 'cancel') return { kind: 'charged', evidence, memo }
      return { ...unknown(`charged before it was confirmed (${order.step})`, true), memo }
    case 'denied':
      if (order.step === 'cancel') return { kind: 'settled', evidence, memo }
      return declined(order.step === 'validate' ? 'declined_by_payer' : 'declined_by_rail', evidence)
    case 'cancelled':
      return cancelled(payment, order, seen, evidence, memo)
    default:
      return { ...unknown(`payment status ${paymentStatus}`, true), memo }
  }
}

/** The amount is set aside for us: nothing has moved. */
function reserved(order: RailOrder, { quiet }: Seen, evidence: Evidence, memo: RailMemo): RailOutcome {
  switch (order.step) {
    case 'prepare':
    case 'validate':
      return { kind: 'settled', evidence, memo }
    case 'submit':
      return { kind: 'pending', evidence, memo }
    case 'confirm':
    case 'cancel':
      // The call never took effect, and a second one is safe: the operator's state machine lets one of them win.
      return quiet ? { kind: 'not_found', evidence } : { kind: 'pending', evidence, memo }
    default:
      return assertNever(order.step, 'step')
  }
}

function awaitingCode(order: RailOrder, { quiet }: Seen, evidence: Evidence, memo: RailMemo): RailOutcome {
  const pending: RailOutcome = { kind: 'pending', evidence, memo }
  switch (order.step) {
    case 'prepare':
      // Without an authorisation (a page to open, or its id lost with the answer) no code of the payer's can be passed
      // on: the reservation then ends by itself.
      return memo['authorizationId'] === undefined ? pending : { kind: 'settled', evidence, memo, asks: 'code' }
    case 'validate':
      // Not accepted, or never arrived: nothing is moved by typing it again.
      return quiet ? { kind: 'wrong_code', evidence, memo } : pending
    case 'cancel':
      return quiet ? { kind: 'not_found', evidence } : pending
    case 'submit':
    case 'confirm':
      return pending
    default:
      return assertNever(order.step, 'step')
  }
}

/**
 * Cancelled by us, or expired. A payment that shows a `paymentDate` was charged
 * before: then its money has come back since (profile).
 */
function cancelled(payment: Payment, order: RailOrder, seen: Seen, evidence: Evidence, memo: RailMemo): RailOutcome {
  if (payment.paymentDate !== undefined) {
    const id = `${payment.paymentId}:cancelled`
    return {
      kind: 'returned',
      amountMinor: order.amountMinor,
      reason: 'cancelled after it was charged',
      evidence: { ...evidence, id },
    }
  }
  if (order.step === 'cancel') return { kind: 'settled', evidence, memo }
  // A confirm that is still on its way may have been overtaken by what this answer saw.
  if (order.step === 'confirm' && !seen.quiet) return { kind: 'pending', evidence, memo }
  return declined('not_executed', evidence)
}

/** `succeeded` here is what the operator says of the refund; the remaining amount has yet to agree. */
export function refundOutcome(refund: Refund, order: RailOrder, seen: Seen): RailOutcome {
  const { clientCorrelator, referenceCode, refundAmount } = refund.amountTransaction
  const charged = refundAmount.chargingInformation
  const mismatch =
    otherReference(referenceCode, clientCorrelator, order) ??
    (refund.type === refundTypeOf(order) ? null : 'another type of refund') ??
    (charged === undefined && refund.type === 'partial' ? 'no amount' : null) ??
    (charged === undefined ? null : otherAmount(charged, order, seen))
  if (mismatch !== null) return unknown(mismatch, true)
  const memo: RailMemo = { ...order.memo, refundId: refund.refundId }
  const evidence: Evidence = { via: seen.via, id: null, status: refund.refundStatus, railReference: refund.refundId }
  switch (refund.refundStatus) {
    case 'processing':
      return { kind: 'pending', evidence, memo }
    case 'succeeded':
      return { kind: 'settled', evidence, memo }
    case 'denied':
      return declined('declined_by_rail', evidence)
    default:
      return { ...unknown(`refund status ${refund.refundStatus}`, true), memo }
  }
}

/** Why a remaining amount cannot stand beside a refund that is done; null where it can. */
export function remainingMismatch(
  { amount, currency }: { amount: JsonNumber; currency: string },
  order: RailOrder,
  currencies = CURRENCIES,
): string | null {
  if (currency !== order.currency) return 'the remaining amount is in another currency'
  const leftMinor = readAmount(amount, currency, currencies)
  if (leftMinor === null) return 'an ill-formed remaining amount'
  const mostMinor = (order.original?.amountMinor ?? 0n) - order.amountMinor
  return leftMinor <= mostMinor ? null : 'the remaining amount does not show the refund'
}

function otherReference(referenceCode: string, correlator: string | undefined, order: RailOrder): string | null {
  if (referenceCode !== order.reference) return 'another reference code'
  return correlator === undefined || correlator === order.reference ? null : 'another client correlator'
}

function otherAmount(
  charged: { amount: JsonNumber; currency: string },
  order: RailOrder,
  { currencies }: Seen,
): string | null {
  if (charged.currency !== order.currency) return 'another currency'
  const amountMinor = readAmount(charged.amount, charged.currency, currencies)
  if (amountMinor === null) return 'an ill-formed amount'
  return amountMinor === order.amountMinor ? null : 'another amount'
}

function declined(code: FailureCode, evidence: Evidence): RailOutcome {
  return { kind: 'declined', code, reason: evidence.status, evidence, alarm: false }
}

export function unknown(why: string, alarm: boolean): Extract<RailOutcome, { kind: 'unknown' }> {
  return { kind: 'unknown', why, alarm }
}
