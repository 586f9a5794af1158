import { randomInt } from 'node:crypto'
import type { PaymentView, QuoteView } from '../../src/contract/index.ts'
import type { PaymentKind } from '../../src/contract/names.ts'
import { MerchantServer } from './http.ts'
import { scan } from './scan.ts'
import { Surprise, type Patience } from './patience.ts'
import { linkAccount, newAccount, newPhone, type Phone } from './phone.ts'
import { play, type Scene } from './play.ts'
import { heading, money, title } from './screen.ts'
import type { Stack } from './stack.ts'

type Quote = Pick<QuoteView, 'payer_fee' | 'total'>

/** Two people and two merchants, and how they pay: all that scenes are made of. */
export class Cast {
  readonly stack: Stack
  readonly patience: Patience
  readonly amina: Phone
  readonly baraka: Phone
  readonly cafe: MerchantServer
  readonly market: MerchantServer
  /** Amina's bank account, and its source. */
  readonly account: string
  readonly bank: string
  payments = 0
  refunds = 0
  #titles = 0

  private constructor(
    parts: Pick<Cast, 'stack' | 'patience' | 'amina' | 'baraka' | 'cafe' | 'market' | 'account' | 'bank'>,
  ) {
    this.stack = parts.stack
    this.patience = parts.patience
    this.amina = parts.amina
    this.baraka = parts.baraka
    this.cafe = parts.cafe
    this.market = parts.market
    this.account = parts.account
    this.bank = parts.bank
  }

  /** Enrols the phones, which are also put into `phones` for whoever closes them. */
  static async gather(stack: Stack, patience: Patience, phones: Phone[]): Promise<Cast> {
    const [first, second] = stack.dev.merchants
    if (first === undefined || second === undefined) throw new Surprise('dev.json names no two merchants.')
    heading('Two phones are enrolled by SMS, and a bank account is linked')
    const amina = await newPhone(stack, patience, 'Amina')
    phones.push(amina)
    const account = newAccount()
    const bank = await linkAccount(stack, patience, amina, account)
    const baraka = await newPhone(stack, patience, 'Baraka')
    phones.push(baraka)
    const cafe = new MerchantServer(first, stack.dev.bridge, patience)
    const market = new MerchantServer(second, stack.dev.bridge, patience)
    return new Cast({ stack, patience, amina, baraka, cafe, market, account, bank })
  }

  /** The title of what comes next. */
  announce(text: string, amountMinor: bigint): void {
    this.#titles += 1
    title(this.#titles, text, money(amountMinor, this.stack.dev.currency))
  }

  /** One payment by Amina, checked on every side. */
  async pay(scene: Omit<Scene, 'payer'>): Promise<PaymentView> {
    const payment = await play(this.stack, this.patience, { ...scene, payer: this.amina })
    this.payments += 1
    return payment
  }

  inMoney(amountMinor: bigint): { amount: string; currency: string } {
    return { amount: String(amountMinor), currency: this.stack.dev.currency }
  }

  /** Asks for the price first, which must be nothing, then confirms what was quoted: that starts the clock. */
  priced(kind: PaymentKind, amountMinor: bigint, source: string, confirm: (quote: Quote) => Promise<PaymentView>) {
    return async (began: () => void): Promise<PaymentView> => {
      const quote = await this.amina.client.command('quote', { kind, ...this.inMoney(amountMinor), source })
      if (quote.payer_fee !== '0' || quote.total !== String(amountMinor)) {
        throw new Surprise(`A ${kind} of ${amountMinor} should cost nothing more; it was quoted ${quote.total}.`)
      }
      began()
      return confirm(quote)
    }
  }

  /** Scans a merchant's QR and pays it. */
  payQr(merchant: MerchantServer, amountMinor: bigint, source: string) {
    return async (began: () => void): Promise<PaymentView> => {
      const { client } = this.amina
      const order_ref = `DEMO-${randomInt(2 ** 47).toString(36)}`
      const { payload } = await merchant.createPayment({
        ...this.inMoney(amountMinor),
        order_ref,
        description: 'A demo order',
      })
      const { payment, claim } = await scan(client, payload)
      if (payment.amount !== String(amountMinor) || payment.payee !== merchant.id || payment.order_ref !== order_ref) {
        throw new Surprise(
          `The QR of ${merchant.name} says something else than was ordered: ${JSON.stringify(payment)}.`,
        )
      }
      const confirm = (quote: Quote) => client.pay({ payment, claim, source, quote })
      return this.priced('purchase', amountMinor, source, confirm)(began)
    }
  }

  /** A QR paid from a linked bank account, which succeeds. */
  bankPurchase(merchant: MerchantServer, amountMinor: bigint, source: string, account: string): Omit<Scene, 'payer'> {
    return {
      amountMinor,
      start: this.payQr(merchant, amountMinor, source),
      end: { status: 'succeeded' },
      moves: { rail: 'bank', operation: 'collect', account },
      merchant,
      wallets: [{ phone: this.amina, changeMinor: 0n }],
    }
  }
}
