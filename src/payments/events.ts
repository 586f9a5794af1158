import { paymentLegs, touchedWallets, walletAccount } from '../domain/accounting/index.ts'
import type { Ids } from '../domain/ids.ts'
import { accountId, type EventInput } from '../ledger/index.ts'
import type { Claims } from './claims.ts'
import { postingFacts } from './posting-facts.ts'
import type { PaymentRow } from './rows.ts'
import { paymentView } from './view.ts'

/** Fresh ids, and a payer's own in one merchant's scope. */
export type PaymentIds = Ids & Pick<Claims, 'payerAlias'>

export function makePaymentIds(ids: Ids, claims: Claims): PaymentIds {
  return { ...ids, payerAlias: claims.payerAlias }
}

/** The feeds on which a payment's merchant hears of it; they are written where somebody has followed them (followed.ts). */
export function merchantFeeds({ merchant, store }: Pick<PaymentRow, 'merchant' | 'store'>): string[] {
  return [merchant, store].filter((feed) => feed !== null)
}

/**
 * Events for everyone who watches the payment, then for each wallet whose balance it touched. The payer's come first:
 * by them a unit finds its lane (src/ledger/lanes.ts).
 */
export function paymentEvents(
  row: PaymentRow,
  rail: string | null,
  ids: PaymentIds,
  moves: { balances: boolean },
): EventInput[] {
  const events: EventInput[] = []
  if (row.payer !== null) {
    events.push({ id: ids.make('evt'), feed: row.payer, name: 'payment.updated', body: paymentView(row, 'payer') })
  }
  if (row.payee.startsWith('usr_')) {
    events.push({ id: ids.make('evt'), feed: row.payee, name: 'payment.updated', body: paymentView(row, 'payee') })
  }
  events.push(...toldToMerchant(row, ids))
  if (!moves.balances) return events
  for (const user of touchedWallets(paymentLegs(postingFacts(row, rail)))) {
    const account = accountId(row.ledger, walletAccount(user).name)
    events.push({
      id: ids.make('evt'),
      feed: user,
      name: 'balance.updated',
      balance: { ledger: row.ledger, account, currency: row.currency },
    })
  }
  return events
}

/** One body for both feeds: a store sees what its merchant sees. */
export function toldToMerchant(row: PaymentRow, ids: PaymentIds): EventInput[] {
  const { merchant } = row
  if (merchant === null) return []
  const body = paymentView(row, { merchant, payerAlias: ids.payerAlias })
  return merchantFeeds(row).map((feed) => ({ id: ids.make('evt'), feed, name: 'payment.updated', body }))
}
