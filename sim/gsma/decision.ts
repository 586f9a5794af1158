import type { Account } from './entry.ts'
import { keyOf, type OperatorState } from './state.ts'
import { business, type WireError } from './wire/error.ts'
import type { Money, Order } from './wire/order.ts'

/** Whether the operator does what an order asks, by the state it is in. Pure: the caller enters what is decided. */

/** What a wallet nobody has opened holds, minor units. */
export const CUSTOMER_OPENING_MINOR = 100_000_000n
/** The client's own account is opened deep enough that demo pay-outs never drain it. */
const CLIENT_OPENING_MINOR = 1_000_000_000_000n

/** An order with all that it leaves to its original filled in. */
export type Asked = {
  operation: 'collect' | 'payOut' | 'refund'
  type: 'merchantpay' | 'disbursement' | 'reversal' | 'adjustment'
  reference: string
  money: Money
  account: string
  ownAccount: string
  /** Key of the collect a refund gives back, '' otherwise. */
  original: string
}

const identifierError: WireError = { category: 'identification', code: 'identifierError' }

export function askedFor(
  ownAccount: string,
  type: 'merchantpay' | 'disbursement',
  order: Extract<Order, { kind: 'transaction' }>,
): Asked | WireError {
  if (order.accountId !== ownAccount) return identifierError
  const operation = type === 'merchantpay' ? 'collect' : 'payOut'
  const { reference, money, msisdn: account } = order
  return { operation, type, reference, money, account, ownAccount, original: '' }
}

export function askedBack(
  state: OperatorState,
  transactionReference: string,
  order: Extract<Order, { kind: 'reversal' }>,
): Asked | WireError {
  const key = state.byTransaction.get(transactionReference)
  const original = state.at(key)
  if (key === undefined || original?.operation !== 'collect') return identifierError
  const { account, ownAccount, amountMinor, currency } = original
  const money = order.money ?? { amountMinor, currency }
  return {
    operation: 'refund',
    type: order.type,
    reference: order.reference,
    money,
    account,
    ownAccount,
    original: key,
  }
}

/** Wallets that open on demand with this order. */
export function openingsFor(state: OperatorState, { account, ownAccount, money: { currency } }: Asked): Account[] {
  const wanted: Account[] = [
    { account, currency, holder: 'Customer', openingMinor: CUSTOMER_OPENING_MINOR },
    { account: ownAccount, currency, holder: 'Client of the operator', openingMinor: CLIENT_OPENING_MINOR },
  ]
  return wanted.filter((one) => state.wallet(one.account, currency) === null)
}

/** The reason to refuse a first arrival, or null to go ahead. */
export function judge(state: OperatorState, asked: Asked): WireError | null {
  const { operation, money } = asked
  const refusal = operation === 'refund' ? judgeRefund(state, asked) : null
  if (refusal !== null) return refusal
  const payer = operation === 'collect' ? asked.account : asked.ownAccount
  const wallet = state.wallet(payer, money.currency)
  const opening = operation === 'collect' ? CUSTOMER_OPENING_MINOR : CLIENT_OPENING_MINOR
  const availableMinor = wallet === null ? opening : wallet.balanceMinor - wallet.heldMinor
  return availableMinor < money.amountMinor ? business('insufficientFunds') : null
}

/** A whole reversal wants its original untouched; adjustments may come until nothing is left. Pending ones count as given. */
function judgeRefund(state: OperatorState, { original: key, type, money }: Asked): WireError | null {
  const original = state.at(key)
  if (original?.status !== 'completed') return business('incorrectState')
  if (original.currency !== money.currency) return business('transactionTypeError')
  const given = state.refundsOf(key).filter(({ status }) => status !== 'failed')
  if (type === 'reversal' && given.length > 0) return business('incorrectState')
  const sumMinor = given.reduce((sum, refund) => sum + refund.amountMinor, money.amountMinor)
  if (sumMinor > original.amountMinor) return business('overPaymentNotAllowed')
  return type === 'reversal' && sumMinor < original.amountMinor ? business('underPaymentNotAllowed') : null
}

export const keyOfAsked = ({ operation, reference }: Asked): string => keyOf(operation, reference)
