import { WHOLE_BASIS_POINTS } from '../fee.ts'
import { minOf } from '../money.ts'
import { err, ok, type Result } from '../result.ts'

/**
 * Who shares what a payment leaves after the fee. The first receiver also takes
 * what the others' shares leave over, so shares always sum to the net.
 */

export const RECEIVERS_MAX = 10

/** What one receiver is to have of the net: a sum, or basis points of it rounded down. */
export type Split = { merchant: string } & ({ fixedMinor: bigint } | { basisPoints: bigint })

export type Share = { merchant: string; amountMinor: bigint }

export type SplitFault =
  | 'no_receiver'
  | 'too_many_receivers'
  | 'receiver_twice'
  | 'share_invalid'
  | 'shares_above_whole'

/** Whether these splits can be agreed at all, whatever the amount. */
export function checkSplits(splits: readonly Split[]): Result<readonly Split[], SplitFault> {
  if (splits.length === 0) return err('no_receiver')
  if (splits.length > RECEIVERS_MAX) return err('too_many_receivers')
  if (new Set(splits.map((split) => split.merchant)).size < splits.length) return err('receiver_twice')
  if (splits.some((split) => ('fixedMinor' in split ? split.fixedMinor : split.basisPoints) < 0n)) {
    return err('share_invalid')
  }
  const whole = splits.reduce((sum, split) => sum + ('basisPoints' in split ? split.basisPoints : 0n), 0n)
  return whole > WHOLE_BASIS_POINTS ? err('shares_above_whole') : ok(splits)
}

/** Fixed shares were agreed for the whole amount: a part of it cannot be captured. */
export function allowPartialCapture(splits: readonly Split[]): boolean {
  return splits.every((split) => 'basisPoints' in split)
}

/** Shares of a net amount, in order of the splits; null where the net does not cover them. */
export function sharesOf(netMinor: bigint, splits: readonly Split[]): Share[] | null {
  const amounts = splits.map((split) =>
    'fixedMinor' in split ? split.fixedMinor : (netMinor * split.basisPoints) / WHOLE_BASIS_POINTS,
  )
  const left = netMinor - amounts.reduce((sum, amount) => sum + amount, 0n)
  if (left < 0n) return null
  return splits.map(({ merchant }, i) => ({ merchant, amountMinor: (amounts[i] ?? 0n) + (i === 0 ? left : 0n) }))
}

/**
 * Shares of a smaller net within what is held for each receiver. Rounding can leave
 * the first more of a part than of the whole, by less than one minor unit a receiver;
 * what its hold does not cover goes to the next: a capture only ever confirms holds,
 * which nothing can refuse.
 */
export function sharesWithin(shares: readonly Share[], held: readonly Share[]): Share[] {
  const heldOf = (i: number) => held[i]?.amountMinor ?? 0n
  const within = shares.map((share, i) => ({ ...share, amountMinor: minOf(share.amountMinor, heldOf(i)) }))
  let over = total(shares) - total(within)
  for (const [i, share] of within.entries()) {
    const more = minOf(over, heldOf(i) - share.amountMinor)
    share.amountMinor += more
    over -= more
  }
  if (over > 0n) throw new Error('more is captured than is held')
  return within
}

/** What a receiver was to have of a payment, and what refunds have taken from it so far. */
export type RefundableShare = { merchant: string; shareMinor: bigint; refundedMinor: bigint }

/**
 * Who bears a refund: pro rata to the shares over all refunds of the payment so
 * far, remainder to the first. Parts sum to the refund and none is negative.
 *
 * @throws RangeError where nobody shared the payment: a bug in whoever asks
 */
export function refundShares(amountMinor: bigint, receivers: readonly RefundableShare[]): Share[] {
  const [first] = receivers
  if (first === undefined) throw new RangeError('a refund is borne by those who shared the payment')
  const whole = receivers.reduce((sum, receiver) => sum + receiver.shareMinor, 0n)
  const after = receivers.reduce((sum, receiver) => sum + receiver.refundedMinor, amountMinor)
  let left = amountMinor
  const others = receivers.slice(1).map((receiver) => {
    const due = (receiver.shareMinor * after) / whole - receiver.refundedMinor
    const part = minOf(due > 0n ? due : 0n, left)
    left -= part
    return { merchant: receiver.merchant, amountMinor: part }
  })
  return [{ merchant: first.merchant, amountMinor: left }, ...others]
}

function total(shares: readonly Share[]): bigint {
  return shares.reduce((sum, share) => sum + share.amountMinor, 0n)
}
