import { randomBytes } from 'node:crypto'
import type { PaymentView } from '../../../src/contract/index.ts'
import { isTerminal } from '../../../clients/mobile/index.ts'
import type { MerchantServer } from '../../../tools/demo/http.ts'
import type { Patience } from '../../../tools/demo/patience.ts'
import type { Phone } from './phone.ts'

/** The ways money moves so far. */
export const WAYS = ['qr from bank', 'qr from wallet', 'top-up', 'withdrawal', 'person to person'] as const
export type Way = (typeof WAYS)[number]

/** The bank's part in each; null where it has none. */
export const AT_BANK: Readonly<Record<Way, 'collect' | 'payOut' | null>> = {
  'qr from bank': 'collect',
  'qr from wallet': null,
  'top-up': 'collect',
  withdrawal: 'payOut',
  'person to person': null,
}

export type Order = {
  way: Way
  amountMinor: bigint
  payer: Phone
  /** Gets the money where it goes from person to person. */
  payee: Phone
  /** Gets it where it is a purchase. */
  merchant: MerchantServer
}

/** A payment that has ended, as its payer's phone shows it. */
export type Ended = { order: Order; view: PaymentView }

/** An order ready to be confirmed: the price is known, the key is chosen. Confirming again is a replay. */
export type Ready = { confirm: () => Promise<PaymentView> }

export async function prepare(order: Order, currency: string): Promise<Ready> {
  const { way, payer, payee } = order
  const { client } = payer
  const money = { amount: order.amountMinor.toString(), currency }
  const key = randomBytes(16).toString('hex')
  switch (way) {
    case 'qr from bank':
    case 'qr from wallet': {
      const source = way === 'qr from bank' ? payer.source : 'wallet'
      const { payload } = await order.merchant.createPayment({ ...money, order_ref: key, description: 'An order' })
      const { payment, claim } = await client.command('payment.resolve_qr', { payload })
      const quote = await client.command('quote', { kind: 'purchase', ...money, source, payee: payment.payee })
      return { confirm: () => client.pay({ payment, claim, source, quote, key }) }
    }
    case 'top-up': {
      const quote = await client.command('quote', { kind: 'topup', ...money, source: payer.source })
      return { confirm: () => client.topup({ ...money, source: payer.source, quote, key }) }
    }
    case 'withdrawal': {
      const quote = await client.command('quote', { kind: 'withdrawal', ...money, source: payer.source })
      return { confirm: () => client.withdraw({ ...money, source: payer.source, quote, key }) }
    }
    case 'person to person': {
      const quote = await client.command('quote', { kind: 'transfer', ...money, source: 'wallet', payee: payee.user })
      return { confirm: () => client.transfer({ ...money, to: payee.user, quote, key }) }
    }
  }
}

/** Follows a payment to its end, as the payer's phone shows it. */
export async function followToEnd(patience: Patience, order: Order, id: string): Promise<PaymentView> {
  const versions = order.payer.client.payment(id)
  let last: PaymentView | undefined
  for (;;) {
    const next = await patience.within(
      `${id} (${order.way}) to go on from ${last?.status ?? 'its start'}`,
      versions.next(),
    )
    if (next.done === true) break
    last = next.value
  }
  if (last === undefined || !isTerminal(last.status)) throw new Error(`${id} stopped at ${last?.status ?? 'nothing'}`)
  return last
}
