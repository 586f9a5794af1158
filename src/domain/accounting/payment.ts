import type { PaymentKind, SourceType } from '../../contract/names.ts'
import type { Fee } from '../fee.ts'
import { assertNever } from '../result.ts'
import { CHART } from './chart.ts'
import type { AccountingEvent, MoneySource } from './events.ts'
import type { Leg } from './legs.ts'
import { postingsOf } from './postings.ts'

/** Taxes in a payment's fees, by the plans it was priced with; of a fee that is left out there is none. */
export type Taxes = { fee?: Fee['tax']; payerFee?: Fee['tax'] }

/** A payment's facts as far as its postings go. `rail` is the source's rail; null when the source is the wallet. */
export type PostingFacts = {
  kind: PaymentKind
  source: SourceType
  amountMinor: bigint
  /** The merchant's, within the amount. */
  feeMinor: bigint
  /** The payer's, beside the amount: of a transfer or a withdrawal. */
  payerFeeMinor?: bigint
  /** What of these is tax. */
  taxes?: Taxes
  payer: string
  payee: string
  rail: string | null
}

/** The event that a payment's acceptance is. */
function acceptance(facts: PostingFacts): AccountingEvent {
  const { kind, amountMinor, feeMinor, payer, payee, taxes } = facts
  const fee: Fee = { feeMinor, tax: taxes?.fee ?? null }
  const payerFee: Fee = { feeMinor: facts.payerFeeMinor ?? 0n, tax: taxes?.payerFee ?? null }
  switch (kind) {
    case 'topup':
      return { type: 'topup', user: payer, rail: needRail(facts), amountMinor }
    case 'withdrawal':
      return { type: 'withdrawal', user: payer, rail: needRail(facts), amountMinor, payerFee }
    case 'transfer':
      return { type: 'transfer', from: payer, to: payee, amountMinor, payerFee, timing: 'reserve' }
    case 'purchase': {
      const shares = [{ merchant: payee, amountMinor: amountMinor - feeMinor }]
      return {
        type: 'purchase',
        source: sourceOf(facts),
        price: { grossMinor: amountMinor, ...fee, shares, commissionMinor: 0n },
        timing: 'reserve',
      }
    }
    default:
      return assertNever(kind, 'payment kind')
  }
}

/** Legs of the hold a payment places at acceptance; confirmed or voided together. Legs of 0 are omitted. */
export function paymentLegs(facts: PostingFacts): readonly Leg[] {
  return postingsOf(acceptance(facts)).legs
}

/** An open hold as the ledger has it: the codes of its two accounts tell which leg it is. */
export type HeldLeg = { amount: bigint; debit_code: number; credit_code: number }

/**
 * How much of each hold is confirmed where less than the whole is captured, in the order of `holds`; 0: it is voided.
 * A hold that is no leg of the payment's own (of a limit) is confirmed for what is captured.
 */
export function captureHolds(
  held: PostingFacts,
  part: { amountMinor: bigint; feeMinor: bigint; taxes?: Taxes },
  holds: readonly HeldLeg[],
): bigint[] {
  const whole = paymentLegs(held)
  const parts = paymentLegs({ ...held, ...part })
  const is = (leg: Leg, hold: HeldLeg) => leg.debit.code === hold.debit_code && leg.credit.code === hold.credit_code
  return holds.map((hold) => {
    if (!whole.some((leg) => is(leg, hold))) return part.amountMinor
    return parts.find((leg) => is(leg, hold))?.amountMinor ?? 0n
  })
}

/** Users whose wallet the legs touch: each gets `balance.updated`. */
export function touchedWallets(legs: readonly Leg[]): string[] {
  const owners = legs
    .flatMap(({ debit, credit }) => [debit, credit])
    .filter((account) => account.code === CHART.wallet.code)
  return [...new Set(owners.map((account) => account.owner ?? ''))]
}

/** Where a payment's money came from, and where a refund of it goes. */
export function sourceOf(facts: Pick<PostingFacts, 'kind' | 'source' | 'payer' | 'rail'>): MoneySource {
  switch (facts.source) {
    case 'wallet':
      return { type: 'wallet', user: facts.payer }
    case 'bank':
      return { type: 'bank', rail: needRail(facts) }
    case 'operator':
    case 'mobile_money':
      return { type: facts.source, operator: needRail(facts) }
    default:
      return assertNever(facts.source, 'source type')
  }
}

function needRail(facts: Pick<PostingFacts, 'kind' | 'rail'>): string {
  if (facts.rail === null) throw new Error(`a ${facts.kind} has a rail`)
  return facts.rail
}
