import type { CommandBody } from '../../contract/index.ts'
import { refuse, type Refusal } from '../../domain/refusal.ts'
import { err, ok, type Result } from '../../domain/result.ts'
import type { PaymentDeps } from '../deps.ts'
import { moved } from '../moves.ts'
import type { PaymentRow } from '../rows.ts'
import { acceptDecision, acceptance, merchantTax, wayOf } from './accept.ts'
import { confirmationMismatch, resolveSource, sumRefusal, underConfirmation } from './authorise.ts'
import type { Decision, PhoneCommand } from './pipeline.ts'

/**
 * `payment.confirm`: the payer's signed yes to a merchant's payment. The first confirm claims it. `may`: whether this user
 * may say yes to it now, which is asked otherwise where a code named the payer (`payment.respond`).
 */
export async function decideConfirm(
  deps: PaymentDeps,
  command: PhoneCommand<CommandBody<'payment.confirm'>>,
  may: typeof confirmable = confirmable,
): Promise<Decision> {
  const { principal, body } = command
  // Read before the jti is: both commit as one, so who finds the payment taken by this very signature finds the jti used.
  const payment = await deps.store.payment(body.payment)
  return underConfirmation(deps, principal, body.confirmation, async (signed) => {
    const found = may(deps, payment, principal.user, body.claim)
    if (!found.ok) return { kind: 'refusal', refusal: found.error }
    const before = found.value
    if (before.merchant !== null && !(await deps.merchantIsOpen(before.merchant))) {
      const message = 'This merchant takes no payments any more.'
      return { kind: 'refusal', refusal: refuse('payment_not_confirmable', message, { param: 'payment' }) }
    }

    const mismatch = confirmationMismatch(signed, {
      env: deps.rules.env,
      user: principal.user,
      device: principal.device,
      kind: before.kind,
      subject: { payment: before.id },
      payee: before.payee,
      amountMinor: before.amount,
      currency: before.currency,
      payerFeeMinor: before.payer_fee,
      source: body.source,
      captureMethod: before.capture_method,
      orderRef: before.order_ref,
    })
    if (mismatch !== null) return { kind: 'refusal', refusal: mismatch }
    const source = await resolveSource(deps, principal.user, body.source, {
      kind: before.kind,
      captureMethod: before.capture_method,
    })
    if (!source.ok) return { kind: 'refusal', refusal: source.error }
    const sum = await sumRefusal(deps, command, signed, before.amount + before.payer_fee)
    if (sum !== null) return { kind: 'refusal', refusal: sum }
    const way = wayOf(deps, { source: body.source, kind: before.kind, capture: before.capture_method })
    if (!way.ok) return { kind: 'refusal', refusal: way.error }

    const now = deps.clock.now()
    const { user } = principal
    const of = { source: source.value, user, amountMinor: before.amount, payerFeeMinor: before.payer_fee }
    const accepted = moved(before, { ...acceptance(deps, way.value, of, now), next_action: null }, now)
    const taxes = { fee: await merchantTax(deps, before) }
    const { jti } = signed
    return acceptDecision(deps, {
      accepted,
      before,
      source: source.value,
      jti,
      device: principal.device,
      taxes,
    })
  })
}

/** The payment, if this user may confirm it now; not_found → already_claimed → payment_expired → payment_not_confirmable. */
function confirmable(
  deps: PaymentDeps,
  payment: PaymentRow | null,
  user: string,
  claim: string | undefined,
): Result<PaymentRow, Refusal> {
  if (payment === null || payment.kind !== 'purchase') return err(notFound())
  if (payment.payer !== null && payment.payer !== user) {
    return err(refuse('already_claimed', 'Somebody else is paying this one.', { param: 'payment' }))
  }
  if (payment.payer === null && (claim === undefined || !deps.claims.verify(claim, payment.id, user)))
    return err(notFound())
  const past = payment.expires_at !== null && payment.expires_at.getTime() <= deps.clock.now()
  if (payment.status === 'expired' || (payment.status === 'requires_confirmation' && past)) {
    return err(
      refuse('payment_expired', 'The time to pay is over; ask the merchant for a new code.', { param: 'payment' }),
    )
  }
  if (payment.status !== 'requires_confirmation') {
    return err(refuse('payment_not_confirmable', `The payment is ${payment.status} already.`, { param: 'payment' }))
  }
  return ok(payment)
}

/** As `confirmable`, of a payment that a merchant asked for by this user's code. */
export function askedOnPhone(deps: PaymentDeps, payment: PaymentRow | null, user: string): Result<PaymentRow, Refusal> {
  if (payment?.payer !== user) return err(notFound())
  const asked = payment.status === 'requires_action' && payment.next_action?.type === 'confirm_on_phone'
  const past = payment.expires_at !== null && payment.expires_at.getTime() <= deps.clock.now()
  if (payment.status === 'expired' || (asked && past)) {
    return err(
      refuse('payment_expired', 'The time to pay is over; show the merchant a new code.', { param: 'payment' }),
    )
  }
  if (!asked) {
    const message = `The payment is ${payment.status}; it asks for no yes on the phone.`
    return err(refuse('payment_not_confirmable', message, { param: 'payment' }))
  }
  return ok(payment)
}

function notFound(): Refusal {
  return refuse('not_found', 'There is no such payment for you; scan its code again.', { param: 'payment' })
}
