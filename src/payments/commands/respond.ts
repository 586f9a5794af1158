import type { CommandBody } from '../../contract/index.ts'
import { refuse } from '../../domain/refusal.ts'
import { isAskedForCode, takeCode } from '../asked.ts'
import type { PaymentDeps } from '../deps.ts'
import { paymentView } from '../view.ts'
import { askedOnPhone, decideConfirm } from './confirm.ts'
import { type Decision, type PhoneCommand, partsOf } from './pipeline.ts'

/**
 * `payment.respond`: the code a rail has sent to the payer's phone, of which a wrong one comes back as `requires_action`; or
 * the payer's signed yes to what a merchant asked for by the payer's own code.
 */
export async function decideRespond(
  deps: PaymentDeps,
  command: PhoneCommand<CommandBody<'payment.respond'>>,
): Promise<Decision> {
  const { body } = command
  if (body.step === 'confirm_on_phone') return decideConfirm(deps, { ...command, body }, askedOnPhone)
  const state = await deps.store.state(command.body.payment)
  if (state?.payment.payer !== command.principal.user) {
    return { kind: 'refusal', refusal: refuse('not_found', 'There is no such payment of yours.', { param: 'payment' }) }
  }
  const { payment } = state
  const now = deps.clock.now()
  if (!isAskedForCode(state)) {
    const message = `The payment is ${payment.status}; it asks for no code now.`
    return { kind: 'refusal', refusal: refuse('payment_not_confirmable', message, { param: 'payment' }) }
  }
  if (payment.expires_at !== null && payment.expires_at.getTime() <= now) {
    const message = 'The time for the code is over. Nothing was charged; you can pay again.'
    return { kind: 'refusal', refusal: refuse('payment_expired', message, { param: 'payment' }) }
  }
  const { unit, after } = takeCode(state, body.value, now + deps.rules.startWithinMs, deps.ids, now)
  return {
    kind: 'unit',
    unit: partsOf(unit),
    body: paymentView(after, 'payer'),
    after: () => deps.wake(payment.id),
  }
}
