import type { Fee } from '../fee.ts'
import type { CashPurpose } from './accounts.ts'
import type { Price, RefundPrice } from './price.ts'

/**
 * Everything that happens to money here, as values: one event becomes one linked
 * group of transfers (postings.ts). Amounts are minor units of the event's ledger.
 */

/** Held first and confirmed or voided later, or moved at once. */
export type Timing = 'reserve' | 'post'

/** Where a payer's money comes from, and where a refund of it goes. */
export type MoneySource =
  | { type: 'wallet'; user: string }
  | { type: 'bank'; rail: string }
  | { type: 'mobile_money'; operator: string }
  | { type: 'operator'; operator: string }

/** Where what a rail moves stands until it pays it out, or what it is paid from; left out: clearing. */
export type RailPlace = 'clearing' | 'due' | 'float'

/** An account outside that sends us statements. */
export type StatementPlace = { type: 'cash'; bank: string; purpose: CashPurpose } | { type: 'float'; operator: string }

/** How a rail and our books may disagree about one payment: what the rail did, and what we had done. */
export type BreakKind = 'came_voided' | 'missing_posted' | 'went_voided' | 'not_gone_posted'

/** How a break ends; each kind of break has ends of its own. */
export type BreakEnd =
  | { break: 'came_voided'; by: { type: 'credit_user'; user: string } | { type: 'send_back' } }
  | {
      break: 'missing_posted'
      by: { type: 'charge_merchant'; merchant: string } | { type: 'charge_user'; user: string } | { type: 'write_off' }
    }
  | {
      break: 'went_voided'
      by:
        | { type: 'charge_wallet'; user: string }
        // The wallet as far as it goes; the rest the user owes.
        | { type: 'charge_payer'; user: string }
        | { type: 'charge_available'; merchant: string }
        // As a refund is taken, our fee with it, but never refused: what the merchant does not have it owes.
        | { type: 'charge_refund'; merchant: string; fee: Fee }
        | { type: 'charge_user'; user: string }
        | { type: 'write_off' }
    }
  | {
      break: 'not_gone_posted'
      by: { type: 'credit_user'; user: string } | { type: 'credit_merchant'; merchant: string }
    }

/** An asset that may turn out to be worth nothing. */
export type DoubtfulDebt =
  | { type: 'break'; rail: string }
  | { type: 'merchant'; merchant: string }
  | { type: 'user'; user: string }

export type AccountingEvent =
  // Payments. A payer's fee comes on top of the amount, from the same wallet.
  | { type: 'topup'; user: string; rail: string; amountMinor: bigint }
  | { type: 'purchase'; source: MoneySource; price: Price; timing: Timing }
  | { type: 'transfer'; from: string; to: string; amountMinor: bigint; payerFee: Fee; timing: Timing }
  | { type: 'withdrawal'; user: string; rail: string; amountMinor: bigint; payerFee: Fee }
  // One receiver's part of a refund, against what it has, and then `creditMinor` of credit at most.
  | { type: 'refund'; to: MoneySource; merchant: string; price: RefundPrice; creditMinor: bigint; timing: Timing }
  // Merchants' money on its way out.
  | { type: 'settlement'; merchant: string; amountMinor: bigint }
  | { type: 'payout'; merchant: string; rail: string; amountMinor: bigint }
  // What statements say.
  | { type: 'statement_line'; direction: 'in' | 'out'; rail: string; place: StatementPlace; amountMinor: bigint }
  | { type: 'rail_charge'; rail: string; bank: string; purpose: CashPurpose; amountMinor: bigint }
  | { type: 'operator_remits'; operator: string; bank: string; amountMinor: bigint }
  | { type: 'unexplained_line'; direction: 'in' | 'out'; rail: string; bank: string; amountMinor: bigint }
  | { type: 'line_explained'; direction: 'in' | 'out'; rail: string; amountMinor: bigint }
  // Our own moves. A sweep's arrival is a statement line of the same rail.
  | { type: 'float_swept'; operator: string; rail: string; amountMinor: bigint }
  | { type: 'revenue_to_own_cash'; bank: string; amountMinor: bigint }
  | { type: 'own_cash_to_trust'; bank: string; amountMinor: bigint }
  | { type: 'capital_paid_in'; bank: string; amountMinor: bigint }
  // What went wrong.
  | { type: 'break_found'; break: BreakKind; rail: string; at?: RailPlace; amountMinor: bigint }
  | ({ type: 'break_ended'; rail: string; amountMinor: bigint } & BreakEnd)
  // Went back to the payer at the rail: a merchant's, or one that a wallet had. And a payout that bounced.
  | { type: 'collect_returned'; merchant: string; rail: string; at?: RailPlace; amountMinor: bigint }
  | { type: 'topup_returned'; user: string; rail: string; at?: RailPlace; amountMinor: bigint }
  | { type: 'payout_returned'; user: string; rail: string; amountMinor: bigint }
  | { type: 'writeoff'; of: DoubtfulDebt; amountMinor: bigint }

export type EventOf<Type extends AccountingEvent['type']> = Extract<AccountingEvent, { type: Type }>
