import type { RailOrder } from '../rails/port.ts'
import type { AttemptRow } from './rows.ts'

/** The order a journalled attempt stands for; a resend is the same order to the last byte. */
export function orderOf(attempt: AttemptRow): RailOrder {
  if (attempt.dispatched_at === null) throw new Error(`attempt ${attempt.reference} was never journalled as dispatched`)
  return {
    operation: attempt.operation,
    reference: attempt.reference,
    uetr: attempt.uetr,
    amountMinor: attempt.amount,
    currency: attempt.currency,
    dispatchedAtMs: attempt.dispatched_at.getTime(),
    account: { iban: attempt.account_iban, holder: attempt.account_holder },
    mandate:
      attempt.mandate_id === null || attempt.mandate_signed_on === null
        ? null
        : { id: attempt.mandate_id, signedOn: attempt.mandate_signed_on },
    description: attempt.description,
  }
}
