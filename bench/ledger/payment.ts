import type { PaymentView } from '../../src/contract/index.ts'
import { paymentLegs } from '../../src/domain/accounting/index.ts'
import { timestamp } from '../../src/domain/clock.ts'
import { type AccountBook, type Columns, type EventInput, type Unit, endId } from '../../src/ledger/index.ts'
import { type Book, below, CURRENCY, ids, merchantOf, storeOf, userOf } from './book.ts'
import type { Turn } from './drive.ts'

/**
 * A whole payment as two units of work: accepted (payment, holds of net and fee,
 * idempotency record with its reply, event) and confirmed (guard on the version,
 * both holds posted, payment, event). Rows, columns and events are those of
 * src/payments/moves.ts. `asTheHub` adds what the hub's own units carry beyond
 * it: the signature's jti, and events with the payer's balance; `shops` has each told to its merchant and store too,
 * which are some of the book's.
 */
export function wholePayment(book: Book, accounts: AccountBook, options: { asTheHub: boolean; shops?: Shops }): Turn {
  const { shops } = options
  return {
    async once(apply) {
      const payer = userOf(below(book.wallets.length))
      const shop = shops === undefined ? below(book.merchants.length) : shops.first + below(shops.count)
      const payee = merchantOf(shop)
      const amount = 100n + BigInt(below(100_000))
      const fee = amount / 50n
      const id = ids.make('pay')
      const now = Date.now()
      const common = { id, amount: amount.toString(), currency: CURRENCY, payee, payer, fee: fee.toString(), now }
      const legs = paymentLegs({
        kind: 'purchase',
        source: 'wallet',
        amountMinor: amount,
        feeMinor: fee,
        payer,
        payee,
        rail: null,
      })
      const pairs = await accounts.ensureLegs(book.ledger, legs, payer)
      const holds = legs.map((leg, i) => ({
        id: ids.uuid(),
        ledger: book.ledger,
        kind: 'reserve' as const,
        debit: pairs[i]?.debit ?? '',
        credit: pairs[i]?.credit ?? '',
        amount: leg.amountMinor.toString(),
        subject: id,
      }))
      const wallet = holds[0]?.debit ?? ''
      const accepted = view({ ...common, status: 'processing', version: 1, captured: '0' })
      const accept: Unit = {
        id: ids.uuid(),
        key: { scope: payer, key: ids.uuid(), hash: id },
        ...(options.asTheHub ? { jti: { device: payer, jti: ids.uuid(), expires_at: timestamp(now + 120_000) } } : {}),
        transfers: holds,
        ok: {
          new_payment: { ...columns(accepted, now), ...born(common, book.ledger) },
          events: [
            told(payer, accepted),
            ...toShop(accepted, common, shops, shop),
            ...(options.asTheHub ? [balance(payer, book.ledger, wallet)] : []),
          ],
          reply: { ok: true, body: JSON.stringify(accepted) },
        },
      }
      await apply(accept)

      const succeeded = view({ ...common, status: 'succeeded', version: 2, captured: common.amount })
      await apply({
        id: ids.uuid(),
        guard: { payment: { id, version: 1, before_start_by: true } },
        transfers: holds.map((hold) => ({
          id: endId(hold.id, 'confirm'),
          ledger: book.ledger,
          kind: 'confirm',
          pending: hold.id,
          subject: id,
        })),
        ok: {
          payment: columns(succeeded, now),
          events: [
            told(payer, succeeded),
            ...toShop(succeeded, common, shops, shop),
            ...(options.asTheHub ? [balance(payer, book.ledger, wallet)] : []),
          ],
        },
      })
    },
  }
}

/** Merchants of the book, by number. */
export type Shops = { first: number; count: number }

type Common = { id: string; amount: string; currency: string; payee: string; payer: string; fee: string; now: number }

function view(of: Common & Pick<PaymentView, 'status' | 'version'> & { captured: string }): PaymentView {
  return {
    id: of.id,
    kind: 'purchase',
    status: of.status,
    status_reason: null,
    version: of.version,
    amount: of.amount,
    currency: of.currency,
    refunded_amount: '0',
    captured_amount: of.captured,
    payer: of.payer,
    payee: of.payee,
    payee_name: 'Bench Coffee',
    store: null,
    source: { type: 'wallet', id: 'wallet', label: 'Wallet' },
    capture_method: 'automatic',
    order_ref: null,
    description: null,
    failure: null,
    next_action: null,
    recovery: null,
    dispute: null,
    created_at: timestamp(of.now),
    updated_at: timestamp(of.now),
    expires_at: null,
  }
}

/** What every move of a payment writes. */
function columns(payment: PaymentView, now: number): Columns<'payment'> {
  return {
    status: payment.status,
    status_reason: null,
    version: payment.version,
    captured_amount: payment.captured_amount,
    payer: payment.payer,
    payer_fee: '0',
    source_type: 'wallet',
    source_id: 'wallet',
    source_label: 'Wallet',
    failure_code: null,
    failure_message: null,
    updated_at: payment.updated_at,
    accepted_at: timestamp(now),
    start_by: timestamp(now + 120_000),
    started_at: null,
  }
}

/** What stays as it was at birth. */
function born(of: Common, ledger: number): Columns<'new_payment'> {
  return {
    id: of.id,
    ledger,
    kind: 'purchase',
    amount: of.amount,
    currency: of.currency,
    fee: of.fee,
    refund_reserved: '0',
    refunded_amount: '0',
    payee: of.payee,
    payee_name: 'Bench Coffee',
    merchant: of.payee,
    store: null,
    capture_method: 'automatic',
    order_ref: null,
    description: null,
    metadata: {},
    qr_token: null,
    created_at: timestamp(of.now),
    expires_at: null,
  }
}

function told(feed: string, body: PaymentView): EventInput {
  return { id: ids.make('evt'), feed, name: 'payment.updated', body }
}

/** As the hub tells a merchant: one body for it and its store. */
function toShop(seen: PaymentView, { fee, payer }: Common, shops: Shops | undefined, shop: number): EventInput[] {
  if (shops === undefined) return []
  const body = { ...seen, fee, payer: `${payer}alias`, store: storeOf(shop), metadata: {} }
  return [told(merchantOf(shop), body), told(storeOf(shop), body)]
}

function balance(feed: string, ledger: number, account: string): EventInput {
  return { id: ids.make('evt'), feed, name: 'balance.updated', balance: { ledger, account, currency: CURRENCY } }
}
