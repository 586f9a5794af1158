import type { CommandBody } from '../../contract/index.ts'
import { minor } from '../../domain/money.ts'
import type { Buckets } from '../../domain/rate.ts'
import { refuse } from '../../domain/refusal.ts'
import { findMerchant } from '../../identity/index.ts'
import type { PaymentDeps } from '../deps.ts'
import { paymentEvents } from '../events.ts'
import { newPurchase, tooMuch, tooSmall } from '../purchase.ts'
import { newPaymentColumns } from '../row-columns.ts'
import { ownsStore } from '../store-book.ts'
import { paymentView } from '../view.ts'
import type { Decision, PhoneCommand } from './pipeline.ts'

/**
 * `payment.create`: who stands before a merchant's sticker says how much. The payment is this user's from the start, so
 * nobody else can confirm it; nothing is held until it is confirmed.
 */
export async function decidePaymentCreate(
  deps: PaymentDeps,
  creations: Buckets,
  { principal, body }: PhoneCommand<CommandBody<'payment.create'>>,
): Promise<Decision> {
  const amount = minor(body.amount)
  const merchant = await findMerchant(deps.sql, body.merchant)
  if (merchant === null) {
    return { kind: 'refusal', refusal: refuse('not_found', 'There is no such merchant.', { param: 'merchant' }) }
  }
  const small = tooSmall(merchant, amount)
  if (small !== null) return { kind: 'refusal', refusal: small }
  if (body.store !== undefined && !(await ownsStore(deps, merchant.merchant, body.store))) {
    return { kind: 'refusal', refusal: refuse('not_found', 'The merchant has no such store.', { param: 'store' }) }
  }
  const much = tooMuch(deps, amount)
  if (much !== null) return { kind: 'refusal', refusal: much }
  const taken = creations.take(principal.user)
  if (!taken.ok) {
    const { retryAfterMs } = taken
    return {
      kind: 'refusal',
      refusal: refuse('rate_limited', 'Too many payments made; wait a little.', { retryAfterMs }),
    }
  }
  const payment = newPurchase(deps, merchant, {
    amount,
    store: body.store ?? null,
    payer: principal.user,
    description: body.note,
    // No code leads to it: its payer is known.
    qr_token: null,
  })
  return {
    kind: 'unit',
    unit: {
      ok: {
        new_payment: newPaymentColumns(payment),
        events: paymentEvents(payment, null, deps.ids, { balances: false }),
      },
    },
    body: paymentView(payment, 'payer'),
  }
}
