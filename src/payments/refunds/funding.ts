import {
  merchantAvailableAccount,
  merchantCreditAccount,
  merchantPendingAccount,
  type RefundPrice,
} from '../../domain/accounting/index.ts'
import { type Fee, type FeePlan, taxIn } from '../../domain/fee.ts'
import { type AccountBook, accountId, type Ledger, type Sql, sweepShardsOf } from '../../ledger/index.ts'
import type { PaymentIds } from '../events.ts'
import type { RailBook } from '../rail-book.ts'
import type { PaymentRow } from '../rows.ts'
import type { Funding } from './moves.ts'
import type { RefundBase, RefundRow } from './rows.ts'

/** What was agreed of a payment's fee for its refunds: whether it is given back, and what of it is tax. */
export type RefundTerms = { onRefund: 'kept' | 'proportional'; tax: Fee['tax'] }
export type TermsOf = (payment: PaymentRow) => Promise<RefundTerms>

/** As agreed in the plan that the payment was priced with; one older than plans are kept gives no fee back and has no tax in it. */
export function makeRefundTerms(feePlan: (id: string) => Promise<FeePlan>): TermsOf {
  return async (payment) => {
    if (payment.fee_plan === null) return { onRefund: 'kept', tax: null }
    const plan = await feePlan(payment.fee_plan)
    return { onRefund: plan.onRefund ?? 'kept', tax: taxIn(payment.fee, plan) }
  }
}

export type FundingDeps = {
  sql: Sql
  ledger: Ledger
  ids: PaymentIds
  accounts: AccountBook
  rails: RailBook
  terms: TermsOf
}

/** What a refund's money needs, with what its merchant has brought to where it can be spent. */
export async function fundingOf(
  deps: FundingDeps,
  { payment, collect }: Pick<RefundBase, 'payment' | 'collect'>,
  refund: RefundRow,
): Promise<Funding> {
  const price = await priceOf(deps, payment, refund)
  const [pending, available, credit] = accountsOf(refund)
  const rows = await deps.sql<{ main: string; shard: number; left: bigint }[]>`
    select main, shard::integer as shard, credits_posted - debits_posted - debits_pending as left
    from accounts where id in ${deps.sql([pending, available, credit])}
    union all
    select main, shard, credits_posted - debits_posted - debits_pending
    from accounts where main in ${deps.sql([pending, available])} and shard > 0`
  const [spendable, elsewhere] = [sum(rows, (row) => row.shard === 0), sum(rows, (row) => row.shard > 0)]
  if (spendable < price.fromMerchantsMinor && elsewhere > 0n) await sweepShardsOf(deps, [pending, available])
  return {
    price,
    collect,
    profile: collect === null ? null : deps.rails.profile(collect.rail),
    // Opened where a merchant is granted a line; how far it goes is its account's allowance.
    creditMinor: rows.some(({ main }) => main === credit) ? price.fromMerchantsMinor : 0n,
  }

  function sum(of: readonly { main: string; left: bigint; shard: number }[], is: (row: { shard: number }) => boolean) {
    return of.reduce((total, row) => total + (row.main !== credit && is(row) ? row.left : 0n), 0n)
  }
}

/**
 * What can still be given back: not what has been, is asked for or on its way, and not what its bank or operator took
 * back or never paid, or paid for a refund that had failed, which the customer has already. Below 0 where more was asked
 * for than is left since.
 */
export function leftToRefund(
  payment: Pick<PaymentRow, 'captured_amount' | 'refunded_amount' | 'refund_reserved' | 'recovery'>,
): bigint {
  const gone = goneMinor(payment.recovery)
  return payment.captured_amount - payment.refunded_amount - payment.refund_reserved - gone
}

/** Of a payment that has succeeded only refunds settle late; what of them no longer waits for people counts as refunded. */
function goneMinor(recovery: PaymentRow['recovery']): bigint {
  if (recovery === null || (recovery.kind === 'late_settlement' && recovery.state !== 'open')) return 0n
  return BigInt(recovery.amount)
}

/** Of what a merchant's refund is taken: unsettled, available, credit; each by the id of its first row. */
export function accountsOf({ ledger, merchant }: Pick<RefundRow, 'ledger' | 'merchant'>): [string, string, string] {
  return [
    accountId(ledger, merchantPendingAccount(merchant).name),
    accountId(ledger, merchantAvailableAccount(merchant).name),
    accountId(ledger, merchantCreditAccount(merchant).name),
  ]
}

/** Decided once, when the refund was asked for: the row has it. */
async function priceOf(deps: FundingDeps, payment: PaymentRow, refund: RefundRow): Promise<RefundPrice> {
  const price = { amountMinor: refund.amount, fromMerchantsMinor: refund.amount - refund.fee, feeMinor: refund.fee }
  if (refund.fee_tax === 0n) return { ...price, tax: null }
  const { tax } = await deps.terms(payment)
  if (tax === null) throw new Error(`refund ${refund.id} has tax back that its payment never had`)
  return { ...price, tax: { authority: tax.authority, amountMinor: refund.fee_tax } }
}
