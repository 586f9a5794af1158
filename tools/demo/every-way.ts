import type { PaymentView } from '../../src/contract/index.ts'
import type { Cast } from './cast.ts'
import { linkMobileMoney } from './phone.ts'

/** Minor units. */
const TOP_UP = 50_000n
const COFFEE = 12_345n
const GROCERIES = 8_790n
const SNACK = 2_500n
const TEA = 3_100n
const LUNCH = 10_000n
const WITHDRAWAL = 5_000n

/** What everybody does every day, on each rail; two of the payments, for what comes after. */
export async function everyWay(cast: Cast): Promise<{ fromWallet: PaymentView; fromBank: PaymentView }> {
  const { amina, baraka, cafe, market, bank, account, stack, patience } = cast
  const { client } = amina
  const end = { status: 'succeeded' } as const
  const untouched = [{ phone: amina, changeMinor: 0n }]

  cast.announce('Top-up of the wallet from the bank', TOP_UP)
  await cast.pay({
    amountMinor: TOP_UP,
    start: cast.priced('topup', TOP_UP, bank, (quote) =>
      client.topup({ ...cast.inMoney(TOP_UP), source: bank, quote }),
    ),
    end,
    moves: { rail: 'bank', operation: 'collect', account },
    wallets: [{ phone: amina, changeMinor: TOP_UP }],
  })

  cast.announce(`QR at ${cafe.name}, paid from the wallet`, COFFEE)
  const fromWallet = await cast.pay({
    amountMinor: COFFEE,
    start: cast.payQr(cafe, COFFEE, 'wallet'),
    end,
    merchant: cafe,
    wallets: [{ phone: amina, changeMinor: -COFFEE }],
  })

  cast.announce(`QR at ${market.name}, paid from the bank`, GROCERIES)
  const fromBank = await cast.pay(cast.bankPurchase(market, GROCERIES, bank, account))

  cast.announce(`QR at ${cafe.name}, paid from the phone bill`, SNACK)
  await cast.pay({
    amountMinor: SNACK,
    start: cast.payQr(cafe, SNACK, 'operator'),
    end,
    moves: { rail: 'operator', operation: 'collect', account: amina.number },
    merchant: cafe,
    wallets: untouched,
  })

  cast.announce(`QR at ${market.name}, paid from mobile money`, TEA)
  const mobileMoney = await linkMobileMoney(stack, patience, amina)
  await cast.pay({
    amountMinor: TEA,
    start: cast.payQr(market, TEA, mobileMoney),
    end,
    moves: { rail: 'mobile money', operation: 'collect', account: amina.number },
    merchant: market,
    wallets: untouched,
  })

  cast.announce('Amina pays Baraka, from wallet to wallet', LUNCH)
  await cast.pay({
    amountMinor: LUNCH,
    start: cast.priced('transfer', LUNCH, 'wallet', (quote) =>
      client.transfer({ ...cast.inMoney(LUNCH), to: baraka.client.user, note: 'Lunch', quote }),
    ),
    end,
    wallets: [
      { phone: amina, changeMinor: -LUNCH },
      { phone: baraka, changeMinor: LUNCH },
    ],
  })

  cast.announce('Withdrawal from the wallet to the bank', WITHDRAWAL)
  await cast.pay({
    amountMinor: WITHDRAWAL,
    start: cast.priced('withdrawal', WITHDRAWAL, bank, (quote) =>
      client.withdraw({ ...cast.inMoney(WITHDRAWAL), source: bank, quote }),
    ),
    end,
    moves: { rail: 'bank', operation: 'payOut', account },
    wallets: [{ phone: amina, changeMinor: -WITHDRAWAL }],
  })
  return { fromWallet, fromBank }
}
