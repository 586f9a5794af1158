import type { PaymentView, RefundView } from '../../src/contract/index.ts'
import { attemptReference } from '../../src/domain/ids.ts'
import type { Cast } from './cast.ts'
import { bookOf, type MerchantServer } from './http.ts'
import { Surprise } from './patience.ts'
import { checkMoved, checkWallet, describe } from './play.ts'
import { checked, money, remark, status } from './screen.ts'

/** How often a refund that a killed process brought to an honest end is made anew. */
const TRIES = 4
/** Minor units. */
const PART = 3_790n

type Refund = { merchant: MerchantServer; payment: PaymentView; amountMinor: bigint; account: string | null }

/** Merchants give money back to where it came from: part of it to a bank account, the whole to the wallet. */
export async function giveBack(cast: Cast, paid: { fromWallet: PaymentView; fromBank: PaymentView }): Promise<void> {
  const { cafe, market, account } = cast
  cast.announce(`${market.name} refunds a part, to the bank account`, PART)
  await refund(cast, { merchant: market, payment: paid.fromBank, amountMinor: PART, account })

  const wholeMinor = BigInt(paid.fromWallet.amount)
  cast.announce(`${cafe.name} refunds the whole, to the wallet`, wholeMinor)
  await refund(cast, { merchant: cafe, payment: paid.fromWallet, amountMinor: wholeMinor, account: null })
}

async function refund(cast: Cast, { merchant, payment, amountMinor, account }: Refund): Promise<void> {
  const { amina, patience, stack } = cast
  const amount = String(amountMinor)
  const made = await untilMade(cast, merchant, { payment: payment.id, amount })
  if (account === null) amina.walletMinor += amountMinor

  const reference = attemptReference(made.id, 'refund', 1)
  const lines = await bookOf(patience, stack.dev.sim.bank, reference)
  if (account === null) {
    if (lines.length > 0) throw new Surprise(`The bank's book moved money for ${made.id}: ${JSON.stringify(lines)}.`)
    checked('no rail moved anything')
  } else {
    const { currency } = made
    checkMoved(lines, { reference, operation: 'refund', amount, currency, account })
    checked(`the bank moved it back once: ${reference}`)
  }
  const seen = await merchant.readPayment(payment.id)
  if (seen.status !== 'succeeded' || seen.refunded_amount !== amount) {
    throw new Surprise(`${merchant.name} reads ${payment.id} as ${seen.status}, ${seen.refunded_amount} refunded.`)
  }
  await patience.until(`${amina.name}'s phone to show ${amount} refunded of ${payment.id}`, () =>
    amina.client.payments.get(payment.id)?.refunded_amount === amount ? true : undefined,
  )
  checked(`${merchant.name} and the phone see succeeded, ${money(amountMinor, made.currency)} of it refunded`)
  await checkWallet(patience, amina, made.currency)
  cast.refunds += 1
}

/** The refund once it has succeeded; each state as the phone is told of it. */
async function untilMade(
  { amina, patience, stack }: Cast,
  merchant: MerchantServer,
  order: { payment: string; amount: string },
): Promise<RefundView> {
  for (let n = 1; ; n++) {
    const pidsBefore = stack.pids()
    const told = new Set<string>()
    const events = amina.client.events()
    const began = performance.now()
    const listening = (async () => {
      for await (const event of events) {
        if (event.name !== 'refund.updated' || event.body.payment !== order.payment) continue
        told.add(event.body.status)
        const tone = { succeeded: 'good', failed: 'bad' } as const
        const at = event.body.status
        status(
          performance.now() - began,
          `refund ${describe(event.body)}`,
          at === 'succeeded' || at === 'failed' ? tone[at] : 'waiting',
        )
      }
    })()
    try {
      const { id } = await merchant.refund(order)
      const ended = await patience.until(`the refund ${id} to end`, async () => {
        const read = await merchant.readRefund(id)
        return read.status === 'succeeded' || read.status === 'failed' ? read : undefined
      })
      // A phone that was cut off meanwhile gets the state as a whole, not what had happened.
      await patience.until(`${amina.name}'s phone to be told of ${id}`, () =>
        told.has(ended.status) || stack.pids() !== pidsBefore ? true : undefined,
      )
      if (ended.status === 'succeeded') return ended
      const honest = ended.failure?.code === 'not_executed' || ended.failure?.code === 'rail_unavailable'
      if (stack.pids() === pidsBefore || !honest || n === TRIES) {
        throw new Surprise(`The refund ${id} should have succeeded and ended ${describe(ended)}.`)
      }
      remark(`a process was killed meanwhile: the refund ended ${describe(ended)}, nothing moved; once more`)
    } finally {
      await events.return?.()
      await listening
    }
  }
}
