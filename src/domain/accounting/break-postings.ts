import { assertNever } from '../result.ts'
import {
  type AccountSpec,
  breakAccount,
  clearingAccount,
  dueAccount,
  floatAccount,
  merchantAvailableAccount,
  merchantPendingAccount,
  merchantReceivableAccount,
  suspenseAccount,
  userReceivableAccount,
  walletAccount,
  writeoffAccount,
} from './accounts.ts'
import type { DoubtfulDebt, EventOf, RailPlace } from './events.ts'
import type { Fee } from '../fee.ts'
import { group, groupUpTo, leg, type TransferGroup } from './legs.ts'
import { feeLegsBack } from './payment-postings.ts'

/** Postings where a rail and our books disagree: first the difference is named, then it is ended one way. */

export function breakFound(event: EventOf<'break_found'>): TransferGroup {
  const clearing = placeOf(event)
  switch (event.break) {
    // The rail has money of ours that no payment claims: we owe it to somebody.
    case 'came_voided':
    case 'not_gone_posted':
      return group('post', [leg(clearing, suspenseAccount(event.rail), event.amountMinor)])
    // The rail lacks money that a payment has claimed: somebody owes it to us.
    case 'missing_posted':
    case 'went_voided':
      return group('post', [leg(breakAccount(event.rail), clearing, event.amountMinor)])
    default:
      return assertNever(event.break, 'break')
  }
}

export function breakEnded(event: EventOf<'break_ended'>): TransferGroup {
  const { amountMinor, by } = event
  const suspense = suspenseAccount(event.rail)
  const broken = breakAccount(event.rail)
  switch (by.type) {
    case 'credit_user':
      return group('post', [leg(suspense, walletAccount(by.user), amountMinor)])
    case 'credit_merchant':
      return group('post', [leg(suspense, merchantAvailableAccount(by.merchant), amountMinor)])
    case 'send_back':
      return group('post', [leg(suspense, clearingAccount(event.rail), amountMinor)])
    case 'charge_merchant':
      return chargeMerchant(by.merchant, broken, amountMinor)
    case 'charge_user':
      return group('post', [leg(userReceivableAccount(by.user), broken, amountMinor)])
    case 'charge_wallet':
      return group('post', [leg(walletAccount(by.user), broken, amountMinor)])
    case 'charge_payer':
      return chargeWallet(by.user, broken, amountMinor)
    case 'charge_refund':
      return chargeRefund(by, broken, amountMinor)
    case 'charge_available':
      return group('post', [leg(merchantAvailableAccount(by.merchant), broken, amountMinor)])
    case 'write_off':
      return group('post', [leg(writeoffAccount(), broken, amountMinor)])
    default:
      return assertNever(by, 'end of a break')
  }
}

/** A collect that was paid and went back to the payer's bank later: the merchant has it no longer. */
export function collectReturned(event: EventOf<'collect_returned'>): TransferGroup {
  return chargeMerchant(event.merchant, placeOf(event), event.amountMinor)
}

/** The same of what a wallet was given: its user has it no longer. */
export function topupReturned(event: EventOf<'topup_returned'>): TransferGroup {
  return chargeWallet(event.user, placeOf(event), event.amountMinor)
}

/** Money we sent that did not arrive: it is its owner's again. What the sending cost stays paid. */
export function payoutReturned(event: EventOf<'payout_returned'>): TransferGroup {
  return group('post', [leg(clearingAccount(event.rail), walletAccount(event.user), event.amountMinor)])
}

/** What the rail owes us for its collects, has on its way, or pays from. */
function placeOf({ rail, at }: { rail: string; at?: RailPlace }): AccountSpec {
  switch (at) {
    case 'due':
      return dueAccount(rail)
    case 'float':
      return floatAccount(rail)
    case 'clearing':
    case undefined:
      return clearingAccount(rail)
    default:
      return assertNever(at, 'place at a rail')
  }
}

/** As far as the wallet goes; the rest the user owes. */
function chargeWallet(user: string, credit: AccountSpec, amountMinor: bigint): TransferGroup {
  return groupUpTo('post', amountMinor, [
    leg(walletAccount(user), credit, amountMinor),
    leg(userReceivableAccount(user), credit, amountMinor),
  ])
}

/** From what is unsettled as far as it goes; the rest the merchant owes. */
function chargeMerchant(merchant: string, credit: AccountSpec, amountMinor: bigint): TransferGroup {
  return groupUpTo('post', amountMinor, [
    leg(merchantPendingAccount(merchant), credit, amountMinor),
    leg(merchantReceivableAccount(merchant), credit, amountMinor),
  ])
}

/** In the order in which a refund is taken, and with what of our fee it gives back; the rest the merchant owes. */
function chargeRefund(
  { merchant, fee }: { merchant: string; fee: Fee },
  credit: AccountSpec,
  amountMinor: bigint,
): TransferGroup {
  const total = amountMinor - fee.feeMinor
  return groupUpTo(
    'post',
    total,
    [
      leg(merchantPendingAccount(merchant), credit, total),
      leg(merchantAvailableAccount(merchant), credit, total),
      leg(merchantReceivableAccount(merchant), credit, total),
    ],
    feeLegsBack(credit, fee),
  )
}

export function writeoff(event: EventOf<'writeoff'>): TransferGroup {
  return group('post', [leg(writeoffAccount(), debtAccount(event.of), event.amountMinor)])
}

function debtAccount(debt: DoubtfulDebt): AccountSpec {
  switch (debt.type) {
    case 'break':
      return breakAccount(debt.rail)
    case 'merchant':
      return merchantReceivableAccount(debt.merchant)
    case 'user':
      return userReceivableAccount(debt.user)
    default:
      return assertNever(debt, 'debt')
  }
}
