import { z } from 'zod'
import { CancelPaymentBody, CapturePaymentBody } from '../contract/index.ts'
import { minor } from '../domain/money.ts'
import { refuse, type Refusal } from '../domain/refusal.ts'
import type { Merchant } from '../identity/index.ts'
import { type Asked, cancel, capture, isCapturable } from './asked.ts'
import { type Decision, partsOf, type Respond } from './commands/index.ts'
import type { PaymentDeps } from './deps.ts'
import { merchantChange, merchantPayment } from './merchant.ts'
import type { PaymentState } from './rows.ts'

/** What a merchant's server asks of a payment that was made: `POST /v1/payments/{id}/capture` and `/cancel`. */
export function heldCommands(deps: PaymentDeps): Readonly<Record<'checkout.capture' | 'checkout.cancel', Respond>> {
  return {
    'checkout.capture': merchantChange(deps, contentOf('capture'), CapturePaymentBody, (merchant, { amount }, id) =>
      decideCapture(deps, merchant, id, amount),
    ),
    'checkout.cancel': merchantChange(deps, contentOf('cancel'), CancelPaymentBody, (merchant, _body, id) =>
      decideCancel(deps, merchant, id),
    ),
  }
}

/** As the bridge passes it on: the id in the path, and the body of the request. */
const Passed = z.object({ payment: z.string(), body: z.unknown() })

const contentOf = (verb: string) => (passed: unknown) => {
  const { payment, body } = Passed.parse(passed)
  // No body is an empty one.
  return { command: `POST /v1/payments/${payment}/${verb}`, content: body ?? {}, id: payment }
}

async function decideCapture(
  deps: PaymentDeps,
  merchant: Merchant,
  id: string,
  amount: string | undefined,
): Promise<Decision> {
  if (amount === '0') {
    return refused(refuse('amount_too_small', 'Capture at least 1 minor unit, or cancel.', { param: 'amount' }))
  }
  const found = await ofMerchant(deps, merchant, id)
  if (found === null) return refused(noSuchPayment())
  const { payment, attempt } = found
  const now = deps.clock.now()
  if (!isCapturable(found, now)) {
    const message = 'Only a payment that requires capture can be captured, once, before it expires.'
    return refused(refuse('payment_not_capturable', message))
  }
  const amountMinor = amount === undefined ? payment.amount : minor(amount)
  if (amountMinor > payment.amount) {
    const message = `Only ${payment.amount.toString()} minor units are held; capture that or less.`
    return refused(refuse('amount_invalid', message, { param: 'amount' }))
  }
  if (attempt !== null && amountMinor < payment.amount) {
    // Confirming a reservation at an operator has no amount (CAMARA Carrier Billing, confirmPayment).
    const message = 'A phone bill can be captured as a whole only; capture all of it, and refund the rest.'
    return refused(refuse('capture_method_unsupported', message, { param: 'amount' }))
  }
  const priced = { store: deps.store, feePlan: deps.feePlans.byId }
  const asked = await capture(priced, found, amountMinor, deps.ids, now)
  if (asked === null) {
    const message = 'The amount must leave at least 1 minor unit after the fee.'
    return refused(refuse('amount_too_small', message, { param: 'amount' }))
  }
  return granted(deps, asked)
}

async function decideCancel(deps: PaymentDeps, merchant: Merchant, id: string): Promise<Decision> {
  const found = await ofMerchant(deps, merchant, id)
  if (found === null) return refused(noSuchPayment())
  const asked = cancel(found, 'merchant', deps.ids, deps.clock.now())
  if (asked !== null) return granted(deps, asked)
  const message = 'The payment is with the bank, being captured or canceled, or over; it can no longer be canceled.'
  return refused(refuse('payment_not_cancelable', message))
}

async function ofMerchant(deps: PaymentDeps, merchant: Merchant, id: string): Promise<PaymentState | null> {
  const state = await deps.store.state(id)
  return state?.payment.merchant === merchant.merchant ? state : null
}

function granted(deps: PaymentDeps, { unit, after }: Asked): Decision {
  return {
    kind: 'unit',
    unit: partsOf(unit),
    body: merchantPayment(deps, after),
    ...(after.accepted_at === null ? {} : { after: () => deps.wake(after.id) }),
  }
}

const refused = (refusal: Refusal): Decision => ({ kind: 'refusal', refusal })
const noSuchPayment = (): Refusal => refuse('not_found', 'There is no such payment of yours.')
