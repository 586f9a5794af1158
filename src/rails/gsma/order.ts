import type { CurrencyTable } from '../../contract/names.ts'
import { assertNever } from '../../domain/result.ts'
import type { RailOrder } from '../port.ts'
import { writeAmount } from './amount.ts'
import { transactionReferenceOf } from './memo.ts'

/** What the connector knows of our side, and of the currencies it may meet. */
export type Ours = {
  /** Our account at the operator, identifier type `accountid`. */
  accountId: string
  currencies: CurrencyTable
}

/** An order as the API wants it (connectors.md §3.3). Path below the API's root. */
export type WireOrder = { path: string; body: Buffer }

const DESCRIPTION_MAX = 160

/** The same order is the same bytes at every send. Throws RangeError for one that the API cannot say. */
export function wireOrder(order: RailOrder, ours: Ours): WireOrder {
  if (order.step !== 'submit') throw new RangeError(`mobile money has no step ${order.step}`)
  if (order.account.type !== 'phone') throw new RangeError('mobile money knows customers by phone number')
  const amount = writeAmount(order.amountMinor, order.currency, ours.currencies)
  const money = { amount, currency: order.currency }
  const customer = [{ key: 'msisdn', value: order.account.phone }]
  const own = [{ key: 'accountid', value: ours.accountId }]
  const common = {
    requestingOrganisationTransactionReference: order.reference,
    descriptionText: order.description.slice(0, DESCRIPTION_MAX),
    requestDate: new Date(order.dispatchedAtMs).toISOString(),
  }
  switch (order.operation) {
    case 'collect':
      return post('/transactions/type/merchantpay', { ...money, debitParty: customer, creditParty: own, ...common })
    case 'payOut':
      return post('/transactions/type/disbursement', { ...money, debitParty: own, creditParty: customer, ...common })
    case 'refund': {
      const path = `/transactions/${encodeURIComponent(originalOf(order))}/reversals`
      const type = reversalTypeOf(order)
      return post(path, { type, ...(type === 'adjustment' ? money : {}), ...common })
    }
    default:
      return assertNever(order.operation, 'operation')
  }
}

/** The operator's reference of the collect that a refund gives back. */
export function originalOf({ original }: RailOrder): string {
  const reference = original === null ? null : (transactionReferenceOf(original.memo) ?? original.railReference)
  if (reference === null) throw new RangeError('a refund without the operator’s reference of its collect')
  return reference
}

/** All of it is a `reversal`, less an `adjustment`. */
export function reversalTypeOf({ original, amountMinor }: RailOrder): 'reversal' | 'adjustment' {
  return original !== null && amountMinor === original.amountMinor ? 'reversal' : 'adjustment'
}

const post = (path: string, content: object): WireOrder => ({ path, body: Buffer.from(JSON.stringify(content)) })
