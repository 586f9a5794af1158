import type { Cast } from './cast.ts'
import { decideByHand } from './ops.ts'
import { linkAccount } from './phone.ts'

/** Accounts of the demo bank that behave badly by themselves. */
const POOR = 'DE93999999990000000001'
const FORGETFUL = 'DE65999999990000000020'
const SLOW = 'DE17999999990000000011'
const SILENT = 'DE33999999990000000014'

/** Minor units. */
const TOO_MUCH = 4_200n
const BOOKS = 6_650n
const MAPS = 5_400n
const ATLAS = 7_200n

/** What goes wrong at a bank, and how each payment still comes to the one end that is true. */
export async function troubles(cast: Cast): Promise<void> {
  const { amina, cafe, market, stack, patience } = cast
  const link = (account: string) => linkAccount(stack, patience, amina, account)

  cast.announce('A bank account without funds: declined, and nothing moves', TOO_MUCH)
  await cast.pay({
    amountMinor: TOO_MUCH,
    start: cast.payQr(cafe, TOO_MUCH, await link(POOR)),
    end: { status: 'failed', code: 'insufficient_funds' },
    merchant: cafe,
    wallets: [{ phone: amina, changeMinor: 0n }],
  })

  cast.announce('The bank books and hangs up: unknown, never guessed, asked', BOOKS)
  const forgetful = await link(FORGETFUL)
  await cast.pay({ ...cast.bankPurchase(market, BOOKS, forgetful, FORGETFUL), resolvedBy: 'inquiry' })

  cast.announce('The bank takes its time, and calls back with the outcome', MAPS)
  const slow = await link(SLOW)
  await cast.pay({ ...cast.bankPurchase(market, MAPS, slow, SLOW), resolvedBy: 'callback' })

  cast.announce('The bank never decides: an operator asks there, and decides', ATLAS)
  const silent = await link(SILENT)
  await cast.pay({
    ...cast.bankPurchase(market, ATLAS, silent, SILENT),
    resolvedBy: 'operator',
    meanwhile: (payment) => decideByHand(stack, patience, payment),
  })
}
