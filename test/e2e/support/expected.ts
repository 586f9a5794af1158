import { feeMinor } from '../../../src/domain/fee.ts'
import { attemptReference } from '../../../src/domain/ids.ts'
import { COURSE, type Ended, type Refunded } from './orders.ts'
import type { Phone } from './phone.ts'
import type { RailLine, RailName } from './rails.ts'
import type { World } from './world.ts'

/**
 * What follows in every book from how payments and refunds ended and from what came
 * back after the end. Worked out here from the orders, not by the product.
 */

/** running.md: demo merchants pay 150 basis points, and get none of it back with a refund. */
const FEE = { basisPoints: 150n, fixedMinor: 0n }

/** What a payment's bank or operator took back after its end, minor units. */
export function returnedMinor({ view }: Ended): bigint {
  return view.recovery?.kind === 'returned' ? BigInt(view.recovery.amount) : 0n
}

export function refundedMinor({ refunds = [] }: Ended): bigint {
  return refunds.reduce((sum, { last }) => (last.status === 'succeeded' ? sum + BigInt(last.amount) : sum), 0n)
}

/** By payment or refund: what it does to whom in our books, as `debit to credit: amount`. */
export function expectedPostings(world: World, ended: Ended): Map<string, string[]> {
  const { view, refunds = [] } = ended
  const postings = new Map(refunds.map(({ last }) => [last.id, refundPostings(world, ended, last)]))
  return postings.set(view.id, paymentPostings(world, ended))
}

function paymentPostings(world: World, ended: Ended): string[] {
  const { order, view } = ended
  const { way, amountMinor, payer, payee, merchant } = order
  if (view.status !== 'succeeded') return []
  const { kind } = COURSE[way]
  const wallet = `wallet:${payer.user}`
  const place = placeOf(world, ended)
  const returned = returnedMinor(ended)
  const back = (from: string, to: string) => (returned === 0n ? [] : [`${from} to ${to}: ${returned}`])
  switch (kind) {
    case 'topup':
      return [`${place} to ${wallet}: ${amountMinor}`, ...back(wallet, place)]
    case 'withdrawal':
      return [`${wallet} to ${place}: ${amountMinor}`, ...back(place, wallet)]
    case 'transfer':
      return [`${wallet} to wallet:${payee.user}: ${amountMinor}`]
    case 'purchase': {
      const fee = feeMinor(amountMinor, FEE)
      const merchants = `merchant:${merchant.id}:pending`
      const legs = [`${place} to ${merchants}: ${amountMinor - fee}`, ...back(merchants, place)]
      return fee === 0n ? legs : [...legs, `${place} to revenue:fees: ${fee}`]
    }
  }
}

function refundPostings(world: World, ended: Ended, { status, amount }: Refunded['last']): string[] {
  if (status !== 'succeeded') return []
  const { order } = ended
  const at = COURSE[order.way].at
  // Mobile money is sent back from the float that we hold there, everything else the way it came.
  const to = at?.rail === 'money' ? `float:${world.rails.money.id}` : placeOf(world, ended)
  return [`merchant:${order.merchant.id}:pending to ${to}: ${amount}`]
}

/** Where the payer's money comes from: an operator owes what it has billed, a bank and a money operator have it already. */
function placeOf({ rails }: World, { order: { way, payer } }: Ended): string {
  const { at } = COURSE[way]
  if (at === null) return `wallet:${payer.user}`
  return `${at.rail === 'operator' ? 'due' : 'clearing'}:${rails[at.rail].id}`
}

/** The change to each wallet. */
export function walletChanges(ended: Ended): [Phone, bigint][] {
  const { order, view } = ended
  if (view.status !== 'succeeded') return []
  const { way, amountMinor, payer, payee } = order
  const { kind, at } = COURSE[way]
  switch (kind) {
    case 'topup':
      return [[payer, amountMinor - returnedMinor(ended)]]
    case 'withdrawal':
      return [[payer, returnedMinor(ended) - amountMinor]]
    case 'transfer':
      return [
        [payer, -amountMinor],
        [payee, amountMinor],
      ]
    case 'purchase':
      return at === null ? [[payer, refundedMinor(ended) - amountMinor]] : []
  }
}

/** Under one reference: what its rail's book must show of it, and what that takes from the customer there. */
export type RailEntry = {
  reference: string
  lines: Pick<RailLine, 'operation' | 'amount' | 'effect'>[]
  spentMinor: bigint
}

/** All that may stand in a rail's book about a payment: also where nothing must. */
export function expectedAtRail(rail: RailName, ended: Ended): RailEntry[] {
  const { order, view, refunds = [] } = ended
  const { at } = COURSE[order.way]
  const entries = (['collect', 'payOut'] as const).map((operation): RailEntry => {
    const reference = attemptReference(view.id, operation, 1)
    if (view.status !== 'succeeded' || at?.rail !== rail || at.operation !== operation) {
      return { reference, lines: [], spentMinor: 0n }
    }
    const returned = returnedMinor(ended)
    const moved = { operation, amount: order.amountMinor.toString(), effect: 'moved' as const }
    const back = { operation, amount: returned.toString(), effect: 'returned' as const }
    const keptMinor = order.amountMinor - returned
    return {
      reference,
      lines: returned === 0n ? [moved] : [moved, back],
      spentMinor: operation === 'collect' ? keptMinor : -keptMinor,
    }
  })
  const given = refunds.map(({ last }): RailEntry => {
    const reference = attemptReference(last.id, 'refund', 1)
    if (last.status !== 'succeeded' || at?.rail !== rail) return { reference, lines: [], spentMinor: 0n }
    const { amount } = last
    return { reference, lines: [{ operation: 'refund', amount, effect: 'moved' }], spentMinor: -BigInt(amount) }
  })
  return [...entries, ...given]
}
