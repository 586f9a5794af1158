import type { PaymentKind } from '../../contract/names.ts'
import { NO_FEE } from '../fee.ts'
import { assertNever } from '../result.ts'
import { CHART } from './chart.ts'
import type { AccountingEvent } from './events.ts'
import type { Leg } from './legs.ts'
import { postingsOf } from './postings.ts'

/** A payment's facts as far as its postings go. `rail` is the source's rail; null when the source is the wallet. */
export type PostingFacts = {
  kind: PaymentKind
  amountMinor: bigint
  feeMinor: bigint
  payer: string
  payee: string
  rail: string | null
}

/** The event that a payment's acceptance is. */
function acceptance(facts: PostingFacts): AccountingEvent {
  const { kind, amountMinor, feeMinor, payer, payee } = facts
  switch (kind) {
    case 'topup':
      return { type: 'topup', user: payer, rail: needRail(facts), amountMinor }
    case 'withdrawal':
      return { type: 'withdrawal', user: payer, rail: needRail(facts), amountMinor, payerFee: NO_FEE }
    case 'transfer':
      return { type: 'transfer', from: payer, to: payee, amountMinor, payerFee: NO_FEE, timing: 'reserve' }
    case 'purchase': {
      const shares = [{ merchant: payee, amountMinor: amountMinor - feeMinor }]
      return {
        type: 'purchase',
        source: facts.rail === null ? { type: 'wallet', user: payer } : { type: 'bank', rail: facts.rail },
        price: { grossMinor: amountMinor, feeMinor, tax: null, shares, commissionMinor: 0n },
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

/** Users whose wallet the legs touch: each gets `balance.updated`. */
export function touchedWallets(legs: readonly Leg[]): string[] {
  const owners = legs
    .flatMap(({ debit, credit }) => [debit, credit])
    .filter((account) => account.code === CHART.wallet.code)
  return [...new Set(owners.map((account) => account.owner ?? ''))]
}

function needRail(facts: PostingFacts): string {
  if (facts.rail === null) throw new Error(`a ${facts.kind} has a rail`)
  return facts.rail
}
