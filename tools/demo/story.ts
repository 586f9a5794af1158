import { randomInt } from 'node:crypto'
import type { PaymentView, QuoteView } from '../../src/contract/index.ts'
import type { PaymentKind } from '../../src/contract/names.ts'
import { MerchantServer } from './http.ts'
import { Surprise, type Patience } from './patience.ts'
import { linkAccount, newAccount, newPhone, type Phone } from './phone.ts'
import { play } from './play.ts'
import { heading, money, title } from './screen.ts'
import type { Stack } from './stack.ts'

type Quote = Pick<QuoteView, 'payer_fee' | 'total'>

/** Accounts of the demo bank that behave badly by themselves (connectors.md, magic accounts). */
const POOR = 'DE93999999990000000001'
const FORGETFUL = 'DE65999999990000000020'

/** Minor units. */
const TOP_UP = 50_000n
const COFFEE = 12_345n
const GROCERIES = 8_790n
const LUNCH = 10_000n
const WITHDRAWAL = 5_000n
const TOO_MUCH = 4_200n
const BOOKS = 6_650n

/** The whole demo: what exists so far, paid in every way, each end checked on every side. Answers how many payments it made. */
export async function story(stack: Stack, patience: Patience, phones: Phone[]): Promise<number> {
  const { currency, bridge } = stack.dev
  const [first, second] = stack.dev.merchants
  if (first === undefined || second === undefined) throw new Surprise('dev.json names no two merchants.')
  const cafe = new MerchantServer(first, bridge, patience)
  const market = new MerchantServer(second, bridge, patience)
  const show = (amountMinor: bigint) => money(amountMinor, currency)

  heading('Two phones are enrolled by SMS, and a bank account is linked')
  const amina = await newPhone(stack, patience, 'Amina')
  phones.push(amina)
  const account = newAccount()
  const bank = await linkAccount(stack, patience, amina, account)
  const baraka = await newPhone(stack, patience, 'Baraka')
  phones.push(baraka)
  const { client } = amina

  const inMoney = (amountMinor: bigint) => ({ amount: String(amountMinor), currency })

  /** Asks for the price first, which must be nothing, then confirms what was quoted: that starts the clock. */
  const priced =
    (kind: PaymentKind, amountMinor: bigint, source: string, confirm: (quote: Quote) => Promise<PaymentView>) =>
    async (began: () => void) => {
      const quote = await client.command('quote', { kind, ...inMoney(amountMinor), source })
      if (quote.payer_fee !== '0' || quote.total !== String(amountMinor)) {
        throw new Surprise(`A ${kind} of ${amountMinor} should cost nothing more; it was quoted ${quote.total}.`)
      }
      began()
      return confirm(quote)
    }

  /** Scans a merchant's QR and pays it. */
  const payQr = (merchant: MerchantServer, amountMinor: bigint, source: string) => async (began: () => void) => {
    const order_ref = `DEMO-${randomInt(2 ** 47).toString(36)}`
    const { payload } = await merchant.createPayment({
      ...inMoney(amountMinor),
      order_ref,
      description: 'A demo order',
    })
    const { payment, claim } = await client.command('payment.resolve_qr', { payload })
    if (payment.amount !== String(amountMinor) || payment.payee !== merchant.id || payment.order_ref !== order_ref) {
      throw new Surprise(`The QR of ${merchant.name} says something else than was ordered: ${JSON.stringify(payment)}.`)
    }
    return priced('purchase', amountMinor, source, (quote) => client.pay({ payment, claim, source, quote }))(began)
  }

  title(1, 'Top-up of the wallet from the bank', show(TOP_UP))
  await play(stack, patience, {
    payer: amina,
    amountMinor: TOP_UP,
    start: priced('topup', TOP_UP, bank, (quote) => client.topup({ ...inMoney(TOP_UP), source: bank, quote })),
    end: { status: 'succeeded' },
    bank: { operation: 'collect', account },
    wallets: [{ phone: amina, changeMinor: TOP_UP }],
  })

  title(2, `QR at ${cafe.name}, paid from the wallet`, show(COFFEE))
  await play(stack, patience, {
    payer: amina,
    amountMinor: COFFEE,
    start: payQr(cafe, COFFEE, 'wallet'),
    end: { status: 'succeeded' },
    merchant: cafe,
    wallets: [{ phone: amina, changeMinor: -COFFEE }],
  })

  title(3, `QR at ${market.name}, paid from the bank`, show(GROCERIES))
  await play(stack, patience, {
    payer: amina,
    amountMinor: GROCERIES,
    start: payQr(market, GROCERIES, bank),
    end: { status: 'succeeded' },
    bank: { operation: 'collect', account },
    merchant: market,
    wallets: [{ phone: amina, changeMinor: 0n }],
  })

  title(4, 'Amina pays Baraka, from wallet to wallet', show(LUNCH))
  await play(stack, patience, {
    payer: amina,
    amountMinor: LUNCH,
    start: priced('transfer', LUNCH, 'wallet', (quote) =>
      client.transfer({ ...inMoney(LUNCH), to: baraka.client.user, note: 'Lunch', quote }),
    ),
    end: { status: 'succeeded' },
    wallets: [
      { phone: amina, changeMinor: -LUNCH },
      { phone: baraka, changeMinor: LUNCH },
    ],
  })

  title(5, 'Withdrawal from the wallet to the bank', show(WITHDRAWAL))
  await play(stack, patience, {
    payer: amina,
    amountMinor: WITHDRAWAL,
    start: priced('withdrawal', WITHDRAWAL, bank, (quote) =>
      client.withdraw({ ...inMoney(WITHDRAWAL), source: bank, quote }),
    ),
    end: { status: 'succeeded' },
    bank: { operation: 'payOut', account },
    wallets: [{ phone: amina, changeMinor: -WITHDRAWAL }],
  })

  title(6, 'A bank account without funds: declined, and nothing moves', show(TOO_MUCH))
  const poor = await linkAccount(stack, patience, amina, POOR)
  await play(stack, patience, {
    payer: amina,
    amountMinor: TOO_MUCH,
    start: payQr(cafe, TOO_MUCH, poor),
    end: { status: 'failed', code: 'insufficient_funds' },
    merchant: cafe,
    wallets: [{ phone: amina, changeMinor: 0n }],
  })

  title(7, 'The bank books and hangs up: unknown, never guessed, resolved', show(BOOKS))
  const forgetful = await linkAccount(stack, patience, amina, FORGETFUL)
  await play(stack, patience, {
    payer: amina,
    amountMinor: BOOKS,
    start: payQr(market, BOOKS, forgetful),
    end: { status: 'succeeded' },
    bank: { operation: 'collect', account: FORGETFUL },
    merchant: market,
    wallets: [{ phone: amina, changeMinor: 0n }],
    awaitsRail: true,
  })
  return 7
}
