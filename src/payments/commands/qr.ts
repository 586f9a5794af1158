import type { CommandAnswer } from '../../contract/index.ts'
import { decodeDynamicQr } from '../../domain/emvco.ts'
import { refuse, type Refusal } from '../../domain/refusal.ts'
import { err, ok, type Result } from '../../domain/result.ts'
import { sameSecret } from '../claims.ts'
import type { PaymentDeps } from '../deps.ts'
import { paymentView } from '../view.ts'

/** `payment.resolve_qr`: what a scanned code asks for, and the claim by which this user may confirm it. */
export async function resolveQr(
  deps: PaymentDeps,
  user: string,
  payload: string,
): Promise<Result<CommandAnswer<'payment.resolve_qr'>, Refusal>> {
  const qr = decodeDynamicQr(payload)
  if (qr === null)
    return err(refuse('invalid_request', 'This is not a payment code of ours; scan it again.', { param: 'payload' }))
  const payment = await deps.store.payment(qr.payment)
  if (payment?.qr_token == null || !sameSecret(payment.qr_token, qr.token)) {
    return err(refuse('not_found', 'There is no payment behind this code.', { param: 'payload' }))
  }
  if (payment.payer !== null && payment.payer !== user) {
    return err(refuse('already_claimed', 'Somebody else is paying this one.', { param: 'payload' }))
  }
  return ok({ payment: paymentView(payment, 'payer'), claim: deps.claims.make(payment.id, user) })
}
