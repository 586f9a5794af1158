import type { PaymentView } from '../../src/contract/index.ts'
import type { Cast } from './cast.ts'
import { bookOf } from './http.ts'
import { Surprise } from './patience.ts'
import { linkAccount } from './phone.ts'
import { checkWallet } from './play.ts'
import { checked, money, remark } from './screen.ts'
import { attemptReference } from '../../src/domain/ids.ts'

/** An account of the demo bank whose holder takes each payment back, 10 s after it was settled. */
const TAKES_BACK = 'DE95999999990000000062'

/** Minor units. */
const SHOES = 9_300n

/** A payment like any other, so far. */
export async function takenBackLater(cast: Cast): Promise<PaymentView> {
  const { amina, cafe, stack, patience } = cast
  cast.announce(`QR at ${cafe.name}, paid from a bank that takes it back later`, SHOES)
  const source = await linkAccount(stack, patience, amina, TAKES_BACK)
  const scene = cast.bankPurchase(cafe, SHOES, source, TAKES_BACK)
  return cast.pay({ ...scene, moves: { rail: 'bank', operation: 'collect', account: TAKES_BACK, comesBack: true } })
}

/** The money of a payment that has long ended goes back to its bank: what was told stays, and the merchant bears it. */
export async function moneyComesBack(cast: Cast, { id, currency }: PaymentView): Promise<void> {
  const { amina, cafe, stack, patience } = cast
  cast.announce('After the end: the bank takes the shoes’ money back', SHOES)
  const told = await patience.until(`${amina.name}'s phone to hear that ${id} was taken back`, async () => {
    const known = amina.client.payments.get(id)
    if (known !== undefined && known.recovery !== null) return known
    return undefined
  })
  const { status, recovery } = told
  if (status !== 'succeeded' || recovery?.kind !== 'returned' || recovery.amount !== String(SHOES)) {
    throw new Surprise(`${id} should be succeeded, its money returned; it is ${status}, ${JSON.stringify(recovery)}.`)
  }
  remark(`${id} stays succeeded, and says: ${recovery.kind}, ${recovery.state}`)

  const lines = await bookOf(patience, stack.dev.sim.bank, attemptReference(id, 'collect', 1))
  const effects = lines.map(({ effect, amount }) => `${effect} ${amount}`).join(', ')
  if (effects !== `moved ${SHOES}, returned ${SHOES}`) {
    throw new Surprise(`The bank's book should show ${id} moved and returned, once each; it shows ${effects}.`)
  }
  checked('the bank moved it once, and took it back once')

  const seen = await patience.until(`${cafe.name} to read what became of ${id}`, async () => {
    const read = await cafe.readPayment(id)
    return read.recovery === null ? undefined : read
  })
  if (seen.status !== 'succeeded' || seen.recovery?.state !== 'absorbed' || seen.recovery.amount !== String(SHOES)) {
    throw new Surprise(`${cafe.name} should bear ${id}; it reads ${seen.status}, ${JSON.stringify(seen.recovery)}.`)
  }
  checked(`${cafe.name} sees it, and bears ${money(SHOES, currency)}`)
  await checkWallet(patience, amina, currency)
}
