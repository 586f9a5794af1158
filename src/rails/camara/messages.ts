import { CURRENCIES, type CurrencyTable } from '../../contract/names.ts'
import { timestamp } from '../../domain/clock.ts'
import type { RailOrder } from '../port.ts'
import { writeAmount } from './amount.ts'
import { writeJson } from './json.ts'

/** Bodies of the calls that ask for something. All of it derives from the order, so that a resend is the same bytes. */

/** Where notifications about a reference go, and what lets them in. */
export type Sink = { url: string; token: string; expiresAtMs: number }

export type MessageOptions = { sink: Sink | null; currencies?: CurrencyTable }

/** createPayment and preparePayment. @throws RangeError for an order this wire cannot say. */
export function paymentBody(order: RailOrder, { sink, currencies = CURRENCIES }: MessageOptions): string {
  return writeJson({
    amountTransaction: {
      phoneNumber: phoneOf(order),
      clientCorrelator: order.reference,
      paymentAmount: {
        chargingInformation: chargingInformation(order, currencies),
        ...(order.merchant === null
          ? {}
          : { chargingMetaData: { merchantName: order.merchant.name, merchantIdentifier: order.merchant.id } }),
      },
      referenceCode: order.reference,
    },
    ...sinkMembers(sink),
  })
}

/** createRefund: `total` says no amount, since the operator gives back all of it. @throws RangeError */
export function refundBody(order: RailOrder, { sink, currencies = CURRENCIES }: MessageOptions): string {
  const metaData = order.merchant === null ? {} : { chargingMetaData: { merchantIdentifier: order.merchant.id } }
  const charging = chargingInformation(order, currencies)
  const type = refundTypeOf(order)
  return writeJson({
    type,
    ...sinkMembers(sink),
    amountTransaction: {
      clientCorrelator: order.reference,
      refundAmount: type === 'total' ? metaData : { chargingInformation: charging, ...metaData },
      referenceCode: order.reference,
    },
  })
}

export function refundTypeOf(order: RailOrder): 'total' | 'partial' {
  return order.amountMinor === order.original?.amountMinor ? 'total' : 'partial'
}

/** validatePayment. @throws RangeError without the authorisation or the code. */
export function validationBody(order: RailOrder): string {
  const authorizationId = order.memo['authorizationId']
  if (authorizationId === undefined || order.input === null)
    throw new RangeError('there is no authorisation to validate, or no code to validate it with')
  return writeJson({ authorizationId, code: order.input })
}

/** confirmPayment and cancelPayment. @throws RangeError */
export function phoneBody(order: RailOrder): string {
  return writeJson({ phoneNumber: phoneOf(order) })
}

export function phoneOf(order: RailOrder): string {
  if (order.account.type !== 'phone') throw new RangeError('an operator knows its customers by phone number')
  return order.account.phone
}

/** Prices are gross, in refunds as in payments, or the operator calls them a mismatch of taxes. */
function chargingInformation(order: RailOrder, currencies: CurrencyTable) {
  return {
    amount: writeAmount(order.amountMinor, order.currency, currencies),
    currency: order.currency,
    description: order.description === '' ? order.reference : order.description,
    isTaxIncluded: true,
  }
}

function sinkMembers(sink: Sink | null) {
  if (sink === null) return {}
  return {
    sink: sink.url,
    sinkCredential: {
      credentialType: 'ACCESSTOKEN',
      accessToken: sink.token,
      accessTokenExpiresUtc: timestamp(sink.expiresAtMs),
      accessTokenType: 'bearer',
    },
  }
}
