import { type Fee, type FeePlan, feeMinor, feeOf } from '../fee.ts'
import { divideHalfEven, minOf } from '../money.ts'
import { err, ok, type Result } from '../result.ts'
import {
  allowPartialCapture,
  checkSplits,
  type Share,
  sharesOf,
  sharesWithin,
  type Split,
  type SplitFault,
} from './splits.ts'

/** What a purchase costs whom: fee + shares = gross, always. */
export type Price = Fee & {
  grossMinor: bigint
  /** One a receiver, in the order agreed; a share may be 0. */
  shares: readonly Share[]
  /** What an operator keeps for itself of a purchase on its phone bill; an expense of ours. */
  commissionMinor: bigint
}

/** What a merchant has agreed, and an operator where one collects. */
export type PricePlan = {
  fee: FeePlan
  splits: readonly Split[]
  commission?: Pick<FeePlan, 'basisPoints' | 'fixedMinor'>
}

/**
 * `amount_too_small`: it leaves less than 1 minor unit after the fee, or less than its fixed shares. Splits that
 * cannot be agreed are refused here too: those of nobody would lose what is left.
 */
export function priceOf(grossMinor: bigint, plan: PricePlan): Result<Price, 'amount_too_small' | SplitFault> {
  const splits = checkSplits(plan.splits)
  if (!splits.ok) return splits
  const fee = feeOf(grossMinor, plan.fee)
  const netMinor = grossMinor - fee.feeMinor
  const shares = netMinor < 1n ? null : sharesOf(netMinor, plan.splits)
  if (shares === null) return err('amount_too_small')
  const commissionMinor = plan.commission === undefined ? 0n : feeMinor(grossMinor, plan.commission)
  return ok({ grossMinor, ...fee, shares, commissionMinor })
}

/**
 * Price of the part that is captured of a held one: fee, tax, commission and
 * shares anew on that part, none of them above what is held for it.
 */
export function capturePrice(
  held: Price,
  capturedMinor: bigint,
  plan: PricePlan,
): Result<Price, 'amount_too_small' | 'amount_above_held' | 'full_capture_only' | SplitFault> {
  if (capturedMinor > held.grossMinor) return err('amount_above_held')
  if (capturedMinor === held.grossMinor) return ok(held)
  if (!allowPartialCapture(plan.splits)) return err('full_capture_only')
  const price = priceOf(capturedMinor, plan)
  return price.ok ? ok({ ...price.value, shares: sharesWithin(price.value.shares, held.shares) }) : price
}

/** A payment's figures that its refunds follow, and what was refunded of it before or is held for another refund. */
export type Refundable = Fee & {
  capturedMinor: bigint
  refundedMinor: bigint
  onRefund: NonNullable<FeePlan['onRefund']>
  /**
   * What these refunds have in fact returned of fee and tax. Left out: what they come to by the running totals, which
   * holds as long as none of them has failed.
   */
  returned?: { feeMinor: bigint; taxMinor: bigint }
}

/** Where a refund comes from: fromMerchants + fee = amount; `tax` is the part of the fee we have back from the authority. */
export type RefundPrice = { amountMinor: bigint; fromMerchantsMinor: bigint } & Fee

/**
 * Who bears a refund of this amount. Of a `proportional` fee each refund returns
 * the difference of two rounded running totals, so all refunds together return
 * all of it: the last takes the remainder.
 */
export function refundPrice(
  amountMinor: bigint,
  of: Refundable,
): Result<RefundPrice, 'amount_invalid' | 'amount_exceeds_refundable'> {
  if (amountMinor < 1n) return err('amount_invalid')
  const before = of.refundedMinor
  const after = before + amountMinor
  if (after > of.capturedMinor) return err('amount_exceeds_refundable')
  const { onRefund, returned } = of
  /** What is due of `whole` once `done` of `all` is refunded, beyond what was given back `already`. */
  const due = (whole: bigint, done: bigint, all: bigint, already: bigint, most: bigint) => {
    if (onRefund === 'kept' || all === 0n) return 0n
    const more = divideHalfEven(whole * done, all) - already
    return more < 0n ? 0n : minOf(more, most)
  }
  const feeBefore = returned?.feeMinor ?? divideHalfEven(of.feeMinor * before, of.capturedMinor)
  const fee = due(of.feeMinor, after, of.capturedMinor, feeBefore, amountMinor)
  // The tax goes with the fee that it is in, so that no refund has more of the one than of the other.
  const taxOf = (whole: bigint) => {
    const already = returned?.taxMinor ?? (of.feeMinor === 0n ? 0n : divideHalfEven(whole * feeBefore, of.feeMinor))
    return due(whole, feeBefore + fee, of.feeMinor, already, fee)
  }
  return ok({
    amountMinor,
    fromMerchantsMinor: amountMinor - fee,
    feeMinor: fee,
    tax: of.tax === null ? null : { ...of.tax, amountMinor: taxOf(of.tax.amountMinor) },
  })
}
