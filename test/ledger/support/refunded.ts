import { randomUUID } from 'node:crypto'
import { refundPrice } from '../../../src/domain/accounting/index.ts'
import { timestamp } from '../../../src/domain/clock.ts'
import { sweepShardsOf, type Unit } from '../../../src/ledger/index.ts'
import { paymentEvents } from '../../../src/payments/events.ts'
import { confirm, holdTransfers } from '../../../src/payments/moves.ts'
import { newAttemptColumns, newPaymentColumns } from '../../../src/payments/row-columns.ts'
import { accountsOf } from '../../../src/payments/refunds/funding.ts'
import { fail, fund, settle } from '../../../src/payments/refunds/moves.ts'
import type { RefundRow } from '../../../src/payments/refunds/rows.ts'
import { makePaymentStore } from '../../../src/payments/store.ts'
import { scriptedRail } from '../../payments/support/rail.ts'
import { attemptRow, paymentRow } from '../../payments/support/rows.ts'
import { ids } from './books.ts'
import type { Stage } from './history.ts'

/** Another than that of the other payments, so that what stands in clearing there stays as it is. */
const RAIL = 'refund-bank'

/** Purchases from a wallet and from a bank, and their refunds of every end, by the product's own units. */
export async function liveRefunds(stage: Stage, user: string) {
  const store = makePaymentStore(stage.hub)
  const merchant = ids.make('mer')
  const { profile } = scriptedRail(RAIL).rail

  async function apply(unit: Omit<Unit, 'id'>): Promise<void> {
    const result = await stage.ledger.apply({ ...unit, id: ids.uuid() })
    if (result.code !== 'ok') throw new Error(JSON.stringify(result))
  }

  async function bought(source: 'wallet' | 'bank', amount: bigint): Promise<string> {
    const born = { id: ids.make('pay'), ledger: stage.book, kind: 'purchase' as const, amount, fee: 10n }
    const who = { payer: user, payee: merchant, merchant, payee_name: 'Shop', source_type: source }
    const payment = paymentRow({ ...born, ...who })
    const rail = source === 'bank' ? RAIL : null
    const attempt = attemptRow(payment, { rail: RAIL, operation: 'collect', state: 'settled' })
    const sent = { dispatch_token: randomUUID(), dispatched_at: timestamp(Date.now()) }
    await apply({
      transfers: await holdTransfers(payment, rail, ids, stage.accounts),
      ok: {
        new_payment: newPaymentColumns(payment),
        ...(rail === null ? {} : { new_attempt: { ...newAttemptColumns(attempt), ...sent } }),
        events: paymentEvents(payment, rail, ids, { balances: true }),
      },
    })
    const state = await store.state(payment.id)
    if (state === null) throw new Error('there is no such payment')
    await apply(confirm(state, ids, Date.now()))
    await sweepShardsOf({ sql: stage.hub, ledger: stage.ledger, ids }, accountsOf({ ledger: stage.book, merchant }))
    return payment.id
  }

  /** One that has its money. */
  async function refunded(payment: string, amount: bigint): Promise<string> {
    const base = await store.refunds.base(payment)
    if (base === null) throw new Error('there is no such payment')
    const price = refundPrice(amount, {
      feeMinor: base.payment.fee,
      tax: null,
      capturedMinor: base.payment.captured_amount,
      refundedMinor: base.payment.refunded_amount + base.payment.refund_reserved,
      onRefund: 'proportional',
      returned: base.returned,
    })
    if (!price.ok) throw new Error(price.error)
    const now = new Date()
    const refund: RefundRow = {
      id: ids.make('rfd'),
      ledger: stage.book,
      payment,
      merchant,
      amount,
      currency: 'KES',
      fee: price.value.feeMinor,
      fee_tax: 0n,
      reason: null,
      status: 'processing',
      status_reason: null,
      version: 1,
      failure_code: null,
      failure_message: null,
      created_at: now,
      updated_at: now,
    }
    const funding = { price: price.value, collect: base.collect, profile, creditMinor: 0n }
    const { unit } = await fund({ payment: base.payment, refund, before: null }, funding, { ...stage, ids }, Date.now())
    await apply(unit)
    return refund.id
  }

  async function at(id: string, state: 'dispatched' | 'settled' | 'declined'): Promise<void> {
    const guard = { attempt: { payment: id, no: 1, states: ['prepared', 'dispatched'] } }
    const sent = { dispatch_token: randomUUID(), dispatched_at: timestamp(Date.now()) }
    await apply({ guard, ok: { attempt: { state, ...sent } } })
    const now = await store.refunds.state(id)
    if (now === null) throw new Error('there is no such refund')
    const failure = { code: 'declined_by_rail' as const, message: 'no' }
    if (state === 'settled') await apply(settle(now, ids, Date.now()))
    if (state === 'declined') await apply(fail(now, { status: 'failed', failure }, ids, Date.now()))
  }

  const [ofWallet, ofBank] = [await bought('wallet', 200n), await bought('bank', 1_000n)]
  const refunds = {
    /** To the wallet. */
    credited: await refunded(ofWallet, 40n),
    settled: await refunded(ofBank, 100n),
    declined: await refunded(ofBank, 200n),
    dispatched: await refunded(ofBank, 300n),
  }
  await at(refunds.settled, 'settled')
  await at(refunds.declined, 'declined')
  await at(refunds.dispatched, 'dispatched')
  return { ofWallet, ofBank, merchant, ...refunds }
}
