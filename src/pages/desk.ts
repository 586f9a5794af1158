import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { AmountText, MerchantPayment, Phone } from '../contract/index.ts'

/**
 * The desk beside the wallet page in a demo: the messages a phone was sent, and a merchant's till. It holds what a
 * browser must not have, the operator's token and a merchant's key, and exists in test mode alone.
 */
export type Desk = {
  /** Texts sent to a phone, newest first. */
  sms(phone: string): Promise<{ text: string; at: string }[]>
  /** A payment to be paid, with what its QR says. */
  charge(amount: string): Promise<{ payment: string; merchant: string; payload: string }>
  /** What the merchant sees of it. */
  charged(payment: string): Promise<{ status: string }>
}

export type DeskSettings = {
  /** The operator's control API. */
  sms: { url: string; token: string }
  bridge: string
  currency: string
  merchant: { name: string; secretKey: string }
}

const CALL_TIMEOUT_MS = 10_000
const NEWEST = 8

const Messages = z.object({ data: z.array(z.object({ text: z.string(), at: z.string() })) })
export const SmsQuery = z.object({ phone: Phone })
export const ChargeBody = z.strictObject({ amount: AmountText })

export function makeDesk({ sms, bridge, currency, merchant }: DeskSettings): Desk {
  const call = async <T>(schema: z.ZodType<T>, url: string, token: string, init: RequestInit = {}): Promise<T> => {
    const headers = new Headers(init.headers)
    headers.set('authorization', `Bearer ${token}`)
    const response = await fetch(url, { ...init, headers, signal: AbortSignal.timeout(CALL_TIMEOUT_MS) })
    const answer: unknown = await response.json()
    if (!response.ok) throw new Error(`${url} answered ${response.status}: ${JSON.stringify(answer)}`)
    return schema.parse(answer)
  }
  return {
    sms: async (phone) => {
      const url = `${sms.url}/sms?phone=${encodeURIComponent(phone)}`
      return (await call(Messages, url, sms.token)).data.slice(0, NEWEST)
    },
    charge: async (amount) => {
      const order = { amount, currency, description: 'At the demo till', method: { type: 'qr' } }
      const payment = await call(MerchantPayment, `${bridge}/payments`, merchant.secretKey, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': randomUUID() },
        body: JSON.stringify(order),
      })
      if (payment.qr === undefined) throw new Error(`the payment ${payment.id} came without a QR`)
      return { payment: payment.id, merchant: merchant.name, payload: payment.qr.payload }
    },
    charged: async (payment) => {
      const { status } = await call(MerchantPayment, `${bridge}/payments/${payment}`, merchant.secretKey)
      return { status }
    },
  }
}
