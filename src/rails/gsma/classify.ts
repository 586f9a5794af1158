import type { Evidence, RailMemo, RailOrder, RailOutcome } from '../port.ts'
import { readAmount } from './amount.ts'
import {
  readError,
  readRequestState,
  readTransaction,
  type JsonReply,
  type Parties,
  type RequestState,
  type Transaction,
} from './answer.ts'
import { meaningOf, statusOf, type ErrorWords } from './codes.ts'
import { rememberState, rememberTransaction } from './memo.ts'
import { originalOf, reversalTypeOf, type Ours } from './order.ts'

/**
 * What an answer says about an order: connectors.md §3.2 and §3.3 as functions of
 * values. Whatever is not an answer about our reference, amount, currency, parties
 * and direction is `unknown`.
 */

/** Final, and taken back since: how much of it is for the operator's lists to say. */
export type Reversed = { kind: 'reversed'; transactionReference: string; memo: RailMemo }

export function unknown(why: string, alarm: boolean, memo?: RailMemo): RailOutcome {
  return memo === undefined ? { kind: 'unknown', why, alarm } : { kind: 'unknown', why, alarm, memo }
}

/** Statuses that proxies and dying servers give are nobody's mistake; any other we do not expect is. */
export function strangeStatus(status: number, what: string): RailOutcome {
  const isWeather = status >= 500 || status === 408 || status === 425 || status === 429
  return unknown(`status ${status} to ${what}`, !isWeather)
}

/** The answer to an order itself. */
export function classifySent(reply: JsonReply, order: RailOrder, ours: Ours): RailOutcome {
  const { status, json } = reply
  if (status === 201) {
    const transaction = readTransaction(json)
    if (transaction === null) return unknown('201 without a transaction', true)
    const outcome = classifyTransaction(transaction, 'answer', order, ours)
    // A new transaction is there or on its way; one that failed would have been refused.
    if (outcome.kind === 'settled' || outcome.kind === 'pending' || outcome.kind === 'unknown') return outcome
    return unknown(`201 with status ${transaction.transactionStatus}`, true)
  }
  if (status === 202) {
    const state = readRequestState(json)
    return state === null
      ? unknown('202 without a request state', true)
      : classifyState(state, 'answer', order, order.memo)
  }
  const error = readError(json)
  if (error === null) return strangeStatus(status, 'an order')
  if (statusOf(error.category) !== status) return unknown(`status ${status} with ${wordsOf(error)}`, true)
  return classifyError(error, { via: 'answer', id: null, railReference: null }, order, order.memo)
}

/** A refusal of the order, however it was told. */
export function classifyError(
  error: ErrorWords,
  evidence: Omit<Evidence, 'status'>,
  order: RailOrder,
  memo: RailMemo,
): RailOutcome {
  const words = wordsOf(error)
  const meaning = meaningOf(error, order.operation)
  switch (meaning?.kind) {
    case 'declined': {
      const { code, alarm } = meaning
      return { kind: 'declined', code, reason: error.code, alarm, evidence: { ...evidence, status: words } }
    }
    case 'duplicate':
      return unknown('this correlation id was used before: the original decides', false, memo)
    case 'back_off':
    case 'trouble':
      return unknown(words, false, memo)
    default:
      return unknown(words, true, memo)
  }
}

export function classifyState(
  state: RequestState,
  via: Evidence['via'],
  order: RailOrder,
  before: RailMemo,
): RailOutcome {
  const memo = rememberState(before, state)
  const evidence = { via, id: state.serverCorrelationId, railReference: state.objectReference ?? null }
  switch (state.status) {
    case 'pending':
      return { kind: 'pending', evidence: { ...evidence, status: 'pending' }, memo }
    case 'completed': {
      // It names the transaction, which alone says what was moved.
      const reference = state.objectReference ?? ''
      const kept = reference === '' ? memo : rememberTransaction(memo, reference)
      return { kind: 'pending', evidence: { ...evidence, status: 'completed' }, memo: kept }
    }
    default:
      return state.error === null
        ? unknown('request state failed without an error', false, memo)
        : classifyError(state.error, evidence, order, memo)
  }
}

export function classifyTransaction(
  transaction: Transaction,
  via: Evidence['via'],
  order: RailOrder,
  ours: Ours,
): RailOutcome | Reversed {
  const mismatch = otherOrder(transaction, order, ours) ?? otherAmount(transaction, order, ours)
  if (mismatch !== null) return unknown(mismatch, true)
  const { transactionReference, transactionStatus } = transaction
  const memo = rememberTransaction(order.memo, transactionReference)
  if (transaction.amount === undefined) {
    // Only an answer to a whole reversal may leave it out; the transaction itself may not.
    return unknown('a reversal without an amount', via === 'inquiry', memo)
  }
  const evidence = { via, id: transactionReference, status: transactionStatus, railReference: transactionReference }
  switch (transactionStatus.toLowerCase()) {
    case 'completed':
      return { kind: 'settled', evidence, memo }
    case 'pending':
      return { kind: 'pending', evidence, memo }
    case 'failed':
      return { kind: 'declined', code: 'declined_by_rail', reason: 'failed', evidence, alarm: false }
    case 'reversed':
      return { kind: 'reversed', transactionReference, memo }
    default:
      return unknown(`transaction status ${transactionStatus}`, true, memo)
  }
}

/** Why a transaction is about something else; null where reference, type, original, parties and direction are ours. */
function otherOrder(transaction: Transaction, order: RailOrder, ours: Ours): string | null {
  if (transaction.requestingOrganisationTransactionReference !== order.reference) return 'another reference'
  const isRefund = order.operation === 'refund'
  const type = isRefund ? reversalTypeOf(order) : order.operation === 'collect' ? 'merchantpay' : 'disbursement'
  if (transaction.type !== type) return 'another type'
  if (isRefund && transaction.originalTransactionReference !== originalOf(order)) return 'another original'
  const { debitParty, creditParty } = transaction
  const [customer, own] = order.operation === 'collect' ? [debitParty, creditParty] : [creditParty, debitParty]
  // Of a reversal the original says who is who; it may leave them out, but not name others.
  const isSilent = isRefund && customer === undefined && own === undefined
  if (isSilent) return null
  if (order.account.type !== 'phone' || !names(customer, 'msisdn', order.account.phone)) return 'another customer'
  return names(own, 'accountid', ours.accountId) ? null : 'another account of ours'
}

/** One of the parties is this one, and none contradicts it. */
function names(parties: Parties | undefined, key: string, value: string): boolean {
  const alike = (parties ?? []).filter((party) => party.key.toLowerCase() === key)
  const canonical = key === 'msisdn' ? digitsOf : (text: string) => text
  return alike.length > 0 && alike.every((party) => canonical(party.value) === canonical(value))
}

/** A number with or without plus and blanks; anything else is nobody's. */
function digitsOf(msisdn: string): string {
  return /^\+?[0-9 ]{6,20}$/.test(msisdn) ? msisdn.replaceAll(/[+ ]/g, '') : `?${msisdn}`
}

function otherAmount({ amount, currency }: Transaction, order: RailOrder, { currencies }: Ours): string | null {
  if (
    amount === undefined &&
    currency === undefined &&
    order.operation === 'refund' &&
    reversalTypeOf(order) === 'reversal'
  )
    return null
  if (amount === undefined || currency === undefined) return 'no amount'
  if (currency !== order.currency) return 'another currency'
  const amountMinor = readAmount(amount, currency, currencies)
  if (amountMinor === null) return 'an ill-formed amount'
  return amountMinor === order.amountMinor ? null : 'another amount'
}

const wordsOf = ({ category, code }: ErrorWords): string => `${category}/${code}`
