import type { MerchantPayment } from '../../contract/index.ts'
import { timestamp } from '../../domain/clock.ts'
import { refuse } from '../../domain/refusal.ts'
import { acceptance, acceptDecision, merchantTax, wayOf } from './accept.ts'
import { WALLET } from './authorise.ts'
import type { Decision } from './pipeline.ts'
import type { PaymentDeps } from '../deps.ts'
import { paymentEvents } from '../events.ts'
import { newPaymentColumns } from '../row-columns.ts'
import type { PaymentRow } from '../rows.ts'
import { codeColumns, type CodeRow } from '../codes/book.ts'
import type { RightCode } from '../codes/codes.ts'

/**
 * A merchant's payment by the code that its customer shows, from the customer's wallet: accepted in the unit that makes it,
 * or, where a code alone is not enough, born asking its payer. What is refused makes no payment and spends no code.
 *
 * @param made as any other payment of this merchant begins
 * @param seen the payment as its merchant sees it
 */
export async function decideByCode(
  deps: PaymentDeps,
  made: PaymentRow & { merchant: string; expires_at: Date },
  code: string,
  seen: (row: PaymentRow) => MerchantPayment,
): Promise<Decision> {
  const now = deps.clock.now()
  const checked = await deps.codes.check(made.merchant, code, now)
  if (!checked.ok) return { kind: 'refusal', refusal: checked.error }
  const { row } = checked.value
  const { kind, amount: totalMinor } = made
  if (!(await deps.spending.fits({ user: row.user_id, kind, totalMinor }, now))) {
    return { kind: 'refusal', refusal: REFUSED.byReason.exceeds_debits }
  }
  // It has its payer: no QR code to claim it by.
  const payment = { ...made, qr_token: null, payer: row.user_id }
  const untouched = deps.codes.untouched(row, payment.amount, now)
  if (untouched === null) return ask(deps, payment, checked.value, seen)
  const counted: CodeRow = {
    ...row,
    version: row.version + 1,
    untouched_count: untouched.count,
    untouched_minor: untouched.minor,
    untouched_at: new Date(now),
  }
  return accept(deps, payment, checked.value, counted, seen)
}

async function accept(
  deps: PaymentDeps,
  payment: PaymentRow & { payer: string },
  { row, spends }: RightCode,
  counted: CodeRow,
  seen: (row: PaymentRow) => MerchantPayment,
): Promise<Decision> {
  const way = wayOf(deps, { source: WALLET.id, kind: payment.kind, capture: payment.capture_method })
  if (!way.ok) return { kind: 'refusal', refusal: way.error }
  const of = { source: WALLET, user: payment.payer, amountMinor: payment.amount, payerFeeMinor: 0n }
  const accepted = { ...payment, ...acceptance(deps, way.value, of, payment.created_at.getTime()) }
  const taxes = { fee: await merchantTax(deps, payment) }
  const decision = await acceptDecision(deps, {
    accepted,
    before: null,
    source: WALLET,
    jti: spends,
    device: null,
    taxes,
  })
  if (decision.kind !== 'unit') return decision
  const { unit } = decision
  return {
    ...decision,
    unit: {
      ...unit,
      guard: { device: notRevoked(row), code: { device: row.device, version: row.version } },
      ok: { ...unit.ok, code: codeColumns(counted) },
    },
    body: seen(accepted),
    refused: REFUSED,
    anewWhereSpent: true,
  }
}

/** The payer is asked on the phone; nothing is held. */
function ask(
  deps: PaymentDeps,
  payment: PaymentRow & { expires_at: Date },
  { row, spends }: RightCode,
  seen: (row: PaymentRow) => MerchantPayment,
): Decision {
  const asked: PaymentRow = {
    ...payment,
    status: 'requires_action',
    next_action: { type: 'confirm_on_phone', expires_at: timestamp(payment.expires_at.getTime()) },
  }
  return {
    kind: 'unit',
    unit: {
      jti: spends,
      guard: { device: notRevoked(row) },
      ok: {
        new_payment: newPaymentColumns(asked),
        events: paymentEvents(asked, null, deps.ids, { balances: false }),
      },
    },
    body: seen(asked),
    anewWhereSpent: true,
  }
}

/** A device that was shut out while its code was being judged. */
const notRevoked = ({ device }: CodeRow) => ({ id: device, states: ['active', 'restricted'] })

/** To a merchant: what the customer has is the customer's business, beyond that it is not enough. */
const REFUSED = {
  any: refuse('insufficient_funds', 'The customer’s wallet does not hold enough; ask for another way to pay.', {
    param: 'amount',
  }),
  byReason: {
    exceeds_debits: refuse('limit_exceeded', 'This is more than the customer may pay; ask for another way to pay.', {
      param: 'amount',
    }),
    account_frozen: refuse('source_not_usable', 'This cannot be paid from the wallet; ask for another way to pay.'),
    account_closed: refuse('source_not_usable', 'This cannot be paid from the wallet; ask for another way to pay.'),
  },
}
