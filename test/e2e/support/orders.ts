import { randomBytes } from 'node:crypto'
import type { PaymentView, RefundView } from '../../../src/contract/index.ts'
import { isTerminal, MooringError } from '../../../clients/mobile/index.ts'
import type { MerchantServer } from '../../../tools/demo/http.ts'
import type { Patience } from '../../../tools/demo/patience.ts'
import { scan } from '../../../tools/demo/scan.ts'
import type { Phone } from './phone.ts'
import type { RailName } from './rails.ts'

/** The ways money moves so far. */
export const WAYS = [
  'qr from bank',
  'qr from wallet',
  'qr from phone bill',
  'qr from mobile money',
  'top-up',
  'top-up by mobile money',
  'withdrawal',
  'withdrawal to mobile money',
  'person to person',
] as const
export type Way = (typeof WAYS)[number]

type Kind = 'purchase' | 'topup' | 'withdrawal' | 'transfer'
/** What a way is, and its part at a rail; null where it has none. */
type Course = { kind: Kind; at: { rail: RailName; operation: 'collect' | 'payOut' } | null }

const course = (kind: Kind, rail?: RailName): Course => ({
  kind,
  at: rail === undefined ? null : { rail, operation: kind === 'withdrawal' ? 'payOut' : 'collect' },
})

export const COURSE: Readonly<Record<Way, Course>> = {
  'qr from bank': course('purchase', 'bank'),
  'qr from wallet': course('purchase'),
  'qr from phone bill': course('purchase', 'operator'),
  'qr from mobile money': course('purchase', 'money'),
  'top-up': course('topup', 'bank'),
  'top-up by mobile money': course('topup', 'money'),
  withdrawal: course('withdrawal', 'bank'),
  'withdrawal to mobile money': course('withdrawal', 'money'),
  'person to person': course('transfer'),
}

export type Order = {
  way: Way
  amountMinor: bigint
  payer: Phone
  /** Gets the money where it goes from person to person. */
  payee: Phone
  /** Gets it where it is a purchase. */
  merchant: MerchantServer
  /** What the merchant gives back of it, each by a refund of its own, once it has succeeded. */
  refundsMinor?: readonly bigint[]
}

/** A refund that has ended: what its merchant read of it, in order, from the reply on. */
export type Refunded = { reads: readonly RefundView[]; last: RefundView }

/** A payment that has ended, as its payer's phone shows it, and what was refunded of it. */
export type Ended = { order: Order; view: PaymentView; refunds?: readonly Refunded[] }

/** An order ready to be confirmed: the price is known, the key is chosen. Confirming again is a replay. */
export type Ready = { confirm: () => Promise<PaymentView> }

export async function prepare(order: Order, currency: string): Promise<Ready> {
  const { way, payer, payee } = order
  const { client } = payer
  const { kind, at } = COURSE[way]
  const money = { amount: order.amountMinor.toString(), currency }
  const key = randomBytes(16).toString('hex')
  const source = at === null ? 'wallet' : payer.sources[at.rail]
  switch (kind) {
    case 'purchase': {
      const { payload } = await order.merchant.createPayment({ ...money, order_ref: key, description: 'An order' })
      const { payment, claim } = await scan(client, payload)
      const quote = await client.command('quote', { kind, ...money, source, payee: payment.payee })
      return { confirm: () => client.pay({ payment, claim, source, quote, key }) }
    }
    case 'topup': {
      const quote = await client.command('quote', { kind, ...money, source })
      return { confirm: () => client.topup({ ...money, source, quote, key }) }
    }
    case 'withdrawal': {
      const quote = await client.command('quote', { kind, ...money, source })
      return { confirm: () => client.withdraw({ ...money, source, quote, key }) }
    }
    case 'transfer': {
      const quote = await client.command('quote', { kind, ...money, source, payee: payee.user })
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

/** The SDK retries until its deadline; a person then tries again, with the same key. */
export async function persistently<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof MooringError) || !error.retryable) throw error
    }
  }
}
