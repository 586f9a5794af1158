import type { RailOrder } from '../rails/port.ts'
import type { AttemptRow, OriginalFacts } from './rows.ts'

/** The order a journalled attempt stands for; a resend is the same order to the last byte. */
export function orderOf(attempt: AttemptRow): RailOrder {
  if (attempt.dispatched_at === null) throw new Error(`attempt ${attempt.reference} was never journalled as dispatched`)
  return {
    operation: attempt.operation,
    step: attempt.step,
    reference: attempt.reference,
    uetr: attempt.uetr,
    amountMinor: attempt.amount,
    currency: attempt.currency,
    dispatchedAtMs: attempt.dispatched_at.getTime(),
    sends: attempt.sends,
    account:
      attempt.account_holder === null
        ? { type: 'phone', phone: attempt.account }
        : { type: 'iban', iban: attempt.account, holder: attempt.account_holder },
    mandate:
      attempt.mandate_id === null || attempt.mandate_signed_on === null
        ? null
        : { id: attempt.mandate_id, signedOn: attempt.mandate_signed_on },
    description: attempt.description,
    merchant:
      attempt.merchant === null ? null : { id: attempt.merchant, name: attempt.merchant_name ?? attempt.merchant },
    original: attempt.original === null ? null : originalOf(attempt.original),
    memo: attempt.memo ?? {},
    input: attempt.input,
  }
}

function originalOf(facts: OriginalFacts): RailOrder['original'] {
  return {
    reference: facts.reference,
    uetr: facts.uetr,
    amountMinor: BigInt(facts.amount),
    dispatchedAtMs: facts.dispatched_at_ms,
    railReference: facts.rail_reference,
    memo: facts.memo,
  }
}
