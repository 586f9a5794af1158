import type { Recovery } from '../../contract/index.ts'
import type { AccountingEvent, RailPlace } from '../../domain/accounting/index.ts'
import type { Fee } from '../../domain/fee.ts'
import { maxOf, minOf } from '../../domain/money.ts'
import { leftToRefund } from '../refunds/funding.ts'
import type { PaymentRow } from '../rows.ts'
import type { Facts } from './verdict.ts'
import type { BreakEnding, Way } from './way.ts'

/**
 * A refund that had failed, so that its merchant has the money again, and that the rail paid all the same. The refund
 * stays failed; its payment counts what its customer has got.
 *
 *  R1 What the rail paid leaves the account that the refund would have left, whoever bears it.
 *  R2 The merchant bears it as it bears a refund, our fee with it, and owes what it does not have.
 *  R3 What its merchant bears is refunded, and with all other refunds never more than was captured.
 *  R4 Where other refunds leave no room for all of it the customer was paid twice: that stands as a break, and people decide.
 */

export function refundedLate(facts: Facts, amountMinor: bigint): Way[] {
  const { payment, attempt } = facts
  const { rail } = attempt
  const at = placeOf(payment)
  const found: AccountingEvent = { type: 'break_found', break: 'went_voided', rail, at, amountMinor }
  const keep: Way = { name: 'keep', events: [found], recovery: withOpen(payment, amountMinor), result: 'broken' }
  if (roomMinor(payment) < amountMinor) return [keep]
  const events = [found, ...borne(facts, { refundedMinor: amountMinor, twiceMinor: 0n })]
  const recovery = withAbsorbed(payment.recovery, amountMinor)
  // A merchant whose account is frozen gives nothing: people decide.
  return [{ name: 'charge', events, recovery, result: 'posted', refundedMinor: amountMinor }, keep]
}

/** The merchant bears what is a refund by now, and the customer owes what it has twice; null where no break stands. */
export function endOfLateRefund(facts: Facts): BreakEnding | null {
  const { payment, evidence } = facts
  const amountMinor = evidence.moved
  if (amountMinor === null) return null
  const { recovery } = payment
  const rest = isLate(recovery) && recovery.state === 'open' ? BigInt(recovery.amount) - amountMinor : 0n
  const others = rest > 0n ? late(rest, 'open') : null
  const before = isLate(recovery) ? others : recovery
  const refundedMinor = minOf(amountMinor, roomMinor({ ...payment, recovery: before }))
  return {
    events: borne(facts, { refundedMinor, twiceMinor: amountMinor - refundedMinor }),
    patch: {
      recovery: before ?? late(amountMinor, 'absorbed'),
      refunded_amount: payment.refunded_amount + refundedMinor,
    },
  }
}

function borne(
  { payment, attempt, refund }: Facts,
  { refundedMinor, twiceMinor }: { refundedMinor: bigint; twiceMinor: bigint },
): AccountingEvent[] {
  const { merchant, payer } = payment
  if (merchant === null || payer === null) throw new Error(`${payment.id} was refunded and has no merchant or no payer`)
  const ended = { type: 'break_ended' as const, break: 'went_voided' as const, rail: attempt.rail }
  const events: AccountingEvent[] = []
  if (refundedMinor > 0n) {
    const fee = feeBack(payment, refund, refundedMinor)
    events.push({ ...ended, amountMinor: refundedMinor, by: { type: 'charge_refund', merchant, fee } })
  }
  if (twiceMinor > 0n) events.push({ ...ended, amountMinor: twiceMinor, by: { type: 'charge_user', user: payer } })
  return events
}

/** What was to go back with the refund, as far as others have not given it back since. */
function feeBack(payment: PaymentRow, refund: Facts['refund'], refundedMinor: bigint): Fee {
  if (refund === null) throw new Error(`what is refunded of ${payment.id} is no refund`)
  const { fee, fee_tax: feeTax, returned, tax } = refund
  const feeMinor = least(fee, refundedMinor, payment.fee - returned.feeMinor)
  if (tax === null || feeTax === 0n) return { feeMinor, tax: null }
  return { feeMinor, tax: { ...tax, amountMinor: least(feeTax, feeMinor, tax.amountMinor - returned.taxMinor) } }
}

/** Of these, and not below 0. */
const least = (a: bigint, b: bigint, c: bigint): bigint => maxOf(minOf(a, minOf(b, c)), 0n)

const roomMinor = (payment: PaymentRow): bigint => maxOf(leftToRefund(payment), 0n)

/** Where the refund would have gone from (docs/accounting.md, Refunds). */
function placeOf({ source_type: source }: PaymentRow): RailPlace {
  if (source === 'operator') return 'due'
  return source === 'mobile_money' ? 'float' : 'clearing'
}

const late = (amountMinor: bigint, state: Recovery['state']): Recovery => ({
  kind: 'late_settlement',
  amount: amountMinor.toString(),
  state,
})

const isLate = (recovery: Recovery | null): recovery is Recovery => recovery?.kind === 'late_settlement'

/**
 * A payment has one recovery, and several refunds of it may settle late. What the rail took back bounds what can be
 * refunded, and so does what stands open: neither gives way to what is over.
 */
function withAbsorbed(before: Recovery | null, amountMinor: bigint): Recovery {
  if (before === null) return late(amountMinor, 'absorbed')
  if (!isLate(before) || before.state === 'open') return before
  return late(BigInt(before.amount) + amountMinor, 'absorbed')
}

function withOpen({ recovery }: PaymentRow, amountMinor: bigint): Recovery {
  if (recovery === null) return late(amountMinor, 'open')
  if (!isLate(recovery)) return recovery
  return late(amountMinor + (recovery.state === 'open' ? BigInt(recovery.amount) : 0n), 'open')
}
