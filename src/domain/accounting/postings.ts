import { assertNever } from '../result.ts'
import {
  type AccountSpec,
  breakAccount,
  capitalAccount,
  cashAccount,
  clearingAccount,
  dueAccount,
  floatAccount,
  merchantAvailableAccount,
  merchantPendingAccount,
  railExpenseAccount,
  suspenseAccount,
} from './accounts.ts'
import { breakEnded, breakFound, collectReturned, payoutReturned, topupReturned, writeoff } from './break-postings.ts'
import type { AccountingEvent, StatementPlace } from './events.ts'
import { group, leg, type TransferGroup } from './legs.ts'
import { purchase, refund, topup, transfer, withdrawal } from './payment-postings.ts'

/** What an event posts (docs/accounting.md, Postings): the one place that decides it. */
export function postingsOf(event: AccountingEvent): TransferGroup {
  switch (event.type) {
    case 'topup':
      return topup(event)
    case 'purchase':
      return purchase(event)
    case 'transfer':
      return transfer(event)
    case 'withdrawal':
      return withdrawal(event)
    case 'refund':
      return refund(event)
    case 'settlement':
      return one(merchantPendingAccount(event.merchant), merchantAvailableAccount(event.merchant), event)
    case 'payout':
      return group('reserve', [
        leg(merchantAvailableAccount(event.merchant), clearingAccount(event.rail), event.amountMinor),
      ])
    case 'statement_line':
      return event.direction === 'in'
        ? one(placeAccount(event.place), clearingAccount(event.rail), event)
        : one(clearingAccount(event.rail), placeAccount(event.place), event)
    case 'rail_charge':
      return one(railExpenseAccount(event.rail), cashAccount(event.bank, event.purpose), event)
    case 'operator_remits':
      return one(cashAccount(event.bank, 'trust'), dueAccount(event.operator), event)
    case 'unexplained_line':
      return event.direction === 'in'
        ? one(cashAccount(event.bank, 'trust'), suspenseAccount(event.rail), event)
        : one(breakAccount(event.rail), cashAccount(event.bank, 'trust'), event)
    case 'line_explained':
      return event.direction === 'in'
        ? one(suspenseAccount(event.rail), clearingAccount(event.rail), event)
        : one(clearingAccount(event.rail), breakAccount(event.rail), event)
    case 'float_swept':
      return one(clearingAccount(event.rail), floatAccount(event.operator), event)
    case 'revenue_to_own_cash':
      return one(cashAccount(event.bank, 'own'), cashAccount(event.bank, 'trust'), event)
    // Makes good to customers what was written off (L8).
    case 'own_cash_to_trust':
      return one(cashAccount(event.bank, 'trust'), cashAccount(event.bank, 'own'), event)
    case 'capital_paid_in':
      return one(cashAccount(event.bank, 'own'), capitalAccount(), event)
    case 'break_found':
      return breakFound(event)
    case 'break_ended':
      return breakEnded(event)
    case 'collect_returned':
      return collectReturned(event)
    case 'topup_returned':
      return topupReturned(event)
    case 'payout_returned':
      return payoutReturned(event)
    case 'writeoff':
      return writeoff(event)
    default:
      return assertNever(event, 'accounting event')
  }
}

/** One transfer, at once. */
function one(debit: AccountSpec, credit: AccountSpec, event: { amountMinor: bigint }): TransferGroup {
  return group('post', [leg(debit, credit, event.amountMinor)])
}

function placeAccount(place: StatementPlace): AccountSpec {
  return place.type === 'float' ? floatAccount(place.operator) : cashAccount(place.bank, place.purpose)
}
