import type { Fee } from '../fee.ts'
import { minOf } from '../money.ts'
import { assertNever } from '../result.ts'
import {
  type AccountSpec,
  clearingAccount,
  dueAccount,
  feeRevenueAccount,
  floatAccount,
  merchantAvailableAccount,
  merchantCreditAccount,
  merchantPendingAccount,
  railExpenseAccount,
  taxAccount,
  walletAccount,
} from './accounts.ts'
import type { EventOf, MoneySource } from './events.ts'
import { group, groupUpTo, type Leg, leg, type TransferGroup } from './legs.ts'
import type { Price } from './price.ts'

/** Postings of payments and refunds. */

/** What a payment of this source debits: what we owe the payer, or what somebody now owes us. */
export function sourceAccount(source: MoneySource): AccountSpec {
  switch (source.type) {
    case 'wallet':
      return walletAccount(source.user)
    case 'bank':
      return clearingAccount(source.rail)
    case 'mobile_money':
      return clearingAccount(source.operator)
    case 'operator':
      return dueAccount(source.operator)
    default:
      return assertNever(source, 'money source')
  }
}

/** What a refund credits. */
function refundAccount(to: MoneySource): AccountSpec {
  // Mobile money is sent back from the float we hold there; everything else goes the way it came.
  return to.type === 'mobile_money' ? floatAccount(to.operator) : sourceAccount(to)
}

/** Fee from this account, and out of it the tax we owe for it. */
function feeLegs(from: AccountSpec, fee: Fee): Leg[] {
  const legs = [leg(from, feeRevenueAccount(), fee.feeMinor)]
  if (fee.tax !== null) legs.push(leg(feeRevenueAccount(), taxAccount(fee.tax.authority), fee.tax.amountMinor))
  return legs
}

/** Fee that goes back, and the tax that we do not owe for it. */
export function feeLegsBack(to: AccountSpec, fee: Fee): Leg[] {
  const legs = [leg(feeRevenueAccount(), to, fee.feeMinor)]
  if (fee.tax !== null) legs.push(leg(taxAccount(fee.tax.authority), feeRevenueAccount(), fee.tax.amountMinor))
  return legs
}

/** Every leg of a purchase, those of 0 too: a part of it has the same legs in the same order. */
function purchaseLegs(source: MoneySource, price: Price): Leg[] {
  const from = sourceAccount(source)
  const legs = price.shares.map((share) => leg(from, merchantPendingAccount(share.merchant), share.amountMinor))
  legs.push(...feeLegs(from, price))
  if (source.type === 'operator') legs.push(leg(railExpenseAccount(source.operator), from, price.commissionMinor))
  return legs
}

export function purchase(event: EventOf<'purchase'>): TransferGroup {
  return group(event.timing, purchaseLegs(event.source, event.price))
}

/**
 * How a held purchase is captured in part: for each leg of `purchase(held)`, in
 * its order, what its hold is confirmed for; 0 means that it is voided.
 */
export function captureLegs(source: MoneySource, held: Price, captured: Price): Leg[] {
  const parts = purchaseLegs(source, captured)
  return purchaseLegs(source, held).flatMap((whole, i) => {
    const part = parts[i]
    if (part === undefined || part.amountMinor > whole.amountMinor) throw new Error('more is captured than is held')
    return whole.amountMinor === 0n ? [] : [part]
  })
}

export function transfer(event: EventOf<'transfer'>): TransferGroup {
  const from = walletAccount(event.from)
  return group(event.timing, [leg(from, walletAccount(event.to), event.amountMinor), ...feeLegs(from, event.payerFee)])
}

export function topup(event: EventOf<'topup'>): TransferGroup {
  return group('reserve', [leg(clearingAccount(event.rail), walletAccount(event.user), event.amountMinor)])
}

export function withdrawal(event: EventOf<'withdrawal'>): TransferGroup {
  const from = walletAccount(event.user)
  return group('reserve', [leg(from, clearingAccount(event.rail), event.amountMinor), ...feeLegs(from, event.payerFee)])
}

/**
 * One receiver's part of a refund. The ledger has one total a unit, so a split
 * payment's refund is one unit a receiver: all are held before one is confirmed,
 * and where one is refused the others are voided.
 */
export function refund(event: EventOf<'refund'>): TransferGroup {
  const { merchant, price } = event
  const to = refundAccount(event.to)
  const total = price.fromMerchantsMinor
  return groupUpTo(
    event.timing,
    total,
    [
      leg(merchantPendingAccount(merchant), to, total),
      leg(merchantAvailableAccount(merchant), to, total),
      leg(merchantCreditAccount(merchant), to, minOf(event.creditMinor, total)),
    ],
    feeLegsBack(to, price),
  )
}
