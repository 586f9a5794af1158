import { UNSENT, isUnsent } from '../../domain/attempt.ts'
import { refuse } from '../../domain/refusal.ts'
import type { PaymentDeps } from '../deps.ts'
import { release } from '../moves.ts'
import { paymentView } from '../view.ts'
import type { Decision, PhoneCommand } from './pipeline.ts'

/** `payment.cancel`: by its payer, while nothing of it has left for a rail and nothing was posted. */
export async function decideCancel(deps: PaymentDeps, command: PhoneCommand<{ payment: string }>): Promise<Decision> {
  const state = await deps.store.state(command.body.payment)
  if (state?.payment.payer !== command.principal.user) {
    return { kind: 'refusal', refusal: refuse('not_found', 'There is no such payment of yours.', { param: 'payment' }) }
  }
  const { payment, attempt } = state
  if (payment.status !== 'processing' || (attempt !== null && !isUnsent(attempt.state))) {
    return {
      kind: 'refusal',
      refusal: refuse(
        'payment_not_cancelable',
        'The payment is with the bank or already over; it can no longer be canceled.',
        {
          param: 'payment',
        },
      ),
    }
  }
  const { unit, after } = release(state, { status: 'canceled' }, UNSENT, deps.ids, deps.clock.now())
  const { id: _id, ...parts } = unit
  return { kind: 'unit', unit: parts, body: paymentView(after, 'payer') }
}
