import { MerchantId, PaymentId, StoreId, type CommandAnswer } from '../../contract/index.ts'
import { decodeQr, type DynamicQr, type Qr, type StaticQr } from '../../domain/emvco.ts'
import { refuse, type Refusal } from '../../domain/refusal.ts'
import { err, ok, type Result } from '../../domain/result.ts'
import { findMerchant } from '../../identity/index.ts'
import { sameSecret } from '../claims.ts'
import type { PaymentDeps } from '../deps.ts'
import { ownsStore } from '../store-book.ts'
import { paymentView } from '../view.ts'

type Answer = Promise<Result<CommandAnswer<'payment.resolve_qr'>, Refusal>>

/** `payment.resolve_qr`: what a scanned code asks for. */
export async function resolveQr(deps: PaymentDeps, user: string, payload: string): Answer {
  const qr = decodeQr(payload)
  if (qr === null || !namesOurs(qr))
    return err(refuse('invalid_request', 'This is not a payment code of ours; scan it again.', { param: 'payload' }))
  return qr.type === 'dynamic' ? paymentOf(deps, user, qr) : offerOf(deps, qr)
}

/** Anybody can print a code with a right sum: what stands in it is looked for only where it is an id. */
function namesOurs(qr: Qr): boolean {
  return qr.type === 'dynamic'
    ? PaymentId.safeParse(qr.payment).success
    : MerchantId.safeParse(qr.merchant).success && (qr.store === null || StoreId.safeParse(qr.store).success)
}

/** One payment, and the claim by which this user may confirm it. */
async function paymentOf(deps: PaymentDeps, user: string, qr: DynamicQr): Answer {
  const payment = await deps.store.payment(qr.payment)
  if (payment?.qr_token == null || !sameSecret(payment.qr_token, qr.token)) {
    return err(refuse('not_found', 'There is no payment behind this code.', { param: 'payload' }))
  }
  if (payment.payer !== null && payment.payer !== user) {
    return err(refuse('already_claimed', 'Somebody else is paying this one.', { param: 'payload' }))
  }
  return ok({ payment: paymentView(payment, 'payer'), claim: deps.claims.make(payment.id, user) })
}

/** Whom a sticker pays: anybody may print one, so what it says of names is not believed. */
async function offerOf(deps: PaymentDeps, { merchant, store }: StaticQr): Answer {
  const found = await findMerchant(deps.sql, merchant)
  if (found === null || (store !== null && !(await ownsStore(deps, merchant, store)))) {
    return err(refuse('not_found', 'There is no merchant behind this code.', { param: 'payload' }))
  }
  const { name } = found
  return ok({ offer: { merchant: { id: merchant, name }, store, currency: deps.rules.currency } })
}
