import { jsonReply, type JsonReply } from '../../common/answer.ts'
import type { OrderFault } from '../../common/faults/kinds.ts'
import type { Payment } from '../entry.ts'
import { writeAmount } from './amount.ts'
import { errorObject } from './error.ts'

/** What an order looks like from outside: as transaction, reversal, request state or statement entry. */

export type View = Readonly<Record<string, unknown>>

const iso = (ms: number): string => new Date(ms).toISOString()

export function partiesOf(payment: Payment): { debitParty: object[]; creditParty: object[] } {
  const customer = [{ key: 'msisdn', value: payment.account }]
  const own = [{ key: 'accountid', value: payment.ownAccount }]
  return payment.operation === 'collect'
    ? { debitParty: customer, creditParty: own }
    : { debitParty: own, creditParty: customer }
}

/** `originalReference`: our reference of the collect a refund gives back. */
export function transactionView(payment: Payment, originalReference: string | null): View {
  return {
    transactionReference: payment.transactionReference,
    requestingOrganisationTransactionReference: payment.reference,
    ...(originalReference === null ? {} : { originalTransactionReference: originalReference }),
    type: payment.type,
    transactionStatus: payment.status,
    amount: writeAmount(payment.amountMinor, payment.currency),
    currency: payment.currency,
    ...partiesOf(payment),
    descriptionText: payment.description,
    transactionReceipt: payment.transactionReference,
    creationDate: iso(payment.acceptedAtMs),
    modificationDate: iso(payment.changedAtMs),
    ...(payment.requestDate === null ? {} : { requestDate: payment.requestDate }),
  }
}

export const POLL_LIMIT = 20

export function requestStateView(payment: Payment): View {
  const { status, error } = payment
  return {
    serverCorrelationId: payment.serverCorrelationId,
    status: status === 'reversed' ? 'completed' : status,
    notificationMethod: 'callback',
    pollLimit: POLL_LIMIT,
    ...(status === 'pending' ? { pendingReason: 'The payer has not been asked yet' } : {}),
    ...(payment.expiresAtMs === null ? {} : { expiryTime: iso(payment.expiresAtMs) }),
    ...(status === 'completed' || status === 'reversed' ? { objectReference: payment.transactionReference } : {}),
    ...(error === null ? {} : { error: errorObject(error, payment.changedAtMs) }),
  }
}

/** A view that tells an order otherwise than it is. */
export function altered(view: View, payment: Payment, field: 'amount' | 'currency' | 'reference'): View {
  switch (field) {
    case 'amount':
      return { ...view, amount: writeAmount(payment.amountMinor + 1n, payment.currency) }
    case 'currency':
      return { ...view, currency: payment.currency === 'EUR' ? 'USD' : 'EUR' }
    default: {
      const first = payment.reference.startsWith('X') ? 'Y' : 'X'
      return { ...view, requestingOrganisationTransactionReference: `${first}${payment.reference.slice(1)}` }
    }
  }
}

export function orderReply(payment: Payment, view: View, fault: OrderFault | null): JsonReply {
  if (payment.status === 'pending') return jsonReply(202, requestStateView(payment))
  return jsonReply(201, fault?.kind === 'wrong_content' ? altered(view, payment, fault.field) : view)
}
