import { refuse } from '../../domain/refusal.ts'
import { cancel } from '../asked.ts'
import type { PaymentDeps } from '../deps.ts'
import { paymentView } from '../view.ts'
import { type Decision, type PhoneCommand, partsOf } from './pipeline.ts'

/** `payment.cancel`: by its payer, while nothing was posted and nothing that moves money has left for a rail. */
export async function decideCancel(deps: PaymentDeps, command: PhoneCommand<{ payment: string }>): Promise<Decision> {
  const state = await deps.store.state(command.body.payment)
  if (state?.payment.payer !== command.principal.user) {
    return { kind: 'refusal', refusal: refuse('not_found', 'There is no such payment of yours.', { param: 'payment' }) }
  }
  const asked = cancel(state, 'payer', deps.ids, deps.clock.now())
  if (asked === null) {
    const message =
      'The payment is with the bank, held for its merchant, or already over; it can no longer be canceled.'
    return { kind: 'refusal', refusal: refuse('payment_not_cancelable', message, { param: 'payment' }) }
  }
  const { id, accepted_at } = asked.after
  return {
    kind: 'unit',
    unit: partsOf(asked.unit),
    body: paymentView(asked.after, 'payer'),
    // Its workflow gives the reservation back, or has nothing left to do.
    ...(accepted_at === null ? {} : { after: () => deps.wake(id) }),
  }
}
