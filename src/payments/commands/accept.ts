import { randomUUID } from 'node:crypto'
import { attemptReference } from '../../domain/ids.ts'
import type { PaymentDeps } from '../deps.ts'
import { holdTransfers, newAttemptColumns, newPaymentColumns, paymentColumns, paymentEvents } from '../moves.ts'
import type { AttemptRow, PaymentRow } from '../rows.ts'
import { paymentView } from '../view.ts'
import {
  accountBlocked,
  insufficientFunds,
  OPERATION,
  type RailSource,
  type ResolvedSource,
  type Signed,
} from './authorise.ts'
import type { Decision } from './pipeline.ts'

/**
 * Accepts a payment: hold, state, attempt, signature and events as one unit
 * (payments.md, Accept). `before` is the payment as it stood, null for kinds
 * that are born here. The positive reply is durable because it follows the commit.
 */
export async function acceptDecision(
  deps: PaymentDeps,
  accepted: PaymentRow,
  before: PaymentRow | null,
  source: ResolvedSource,
  signed: Signed,
): Promise<Decision> {
  const rail = source.account?.entry.id ?? null
  const attempt = source.account === null ? null : newAttempt(accepted, source.account, deps.clock.now())
  const amount = accepted.amount.toString()
  const events = paymentEvents(accepted, rail, deps.ids, { balances: true })
  return {
    kind: 'unit',
    unit: {
      ...(signed.jti === null ? {} : { jti: signed.jti }),
      ...(before === null
        ? {}
        : {
            guard: {
              payment: {
                id: before.id,
                version: before.version,
                ...(before.expires_at === null ? {} : { unexpired: true as const }),
              },
            },
          }),
      transfers: await holdTransfers(accepted, rail, deps.ids, deps.accounts, before),
      ok: {
        ...(before === null ? { new_payment: newPaymentColumns(accepted) } : { payment: paymentColumns(accepted) }),
        ...(attempt === null ? {} : { new_attempt: newAttemptColumns(attempt) }),
        events,
      },
    },
    body: paymentView(accepted, 'payer'),
    refused: {
      any: insufficientFunds(),
      byReason: { account_frozen: accountBlocked(), account_closed: accountBlocked() },
    },
    after: () => {
      deps.failpoint('reply-sent', amount)
      deps.start(accepted.id, () => deps.failpoint('started', amount))
    },
    amount,
  }
}

/** Fields a payment gains when it is accepted. */
export function acceptance(deps: PaymentDeps, source: ResolvedSource, user: string, nowMs: number) {
  return {
    status: 'processing' as const,
    payer: user,
    payer_fee: 0n,
    source_type: source.type,
    source_id: source.id,
    source_label: source.label,
    accepted_at: new Date(nowMs),
    start_by: new Date(nowMs + deps.rules.startWithinMs),
  }
}

function newAttempt(payment: PaymentRow, source: RailSource, nowMs: number): AttemptRow {
  const operation = OPERATION[payment.kind]
  const { id: rail, rail: connector } = source.entry
  const step = connector.profile.firstStep[operation]
  if (step === undefined) throw new Error(`${rail} does not offer ${operation}`)
  return {
    payment: payment.id,
    no: 1,
    ledger: payment.ledger,
    rail,
    operation,
    reference: attemptReference(payment.id, operation, 1),
    uetr: randomUUID(),
    amount: payment.amount,
    currency: payment.currency,
    account: source.account,
    account_holder: source.holder,
    mandate_id: source.mandateId,
    mandate_signed_on: source.mandateSignedOn,
    description: describe(payment),
    merchant: payment.merchant,
    merchant_name: payment.merchant === null ? null : payment.payee_name,
    original: null,
    step,
    state: 'prepared',
    asks: null,
    input: null,
    memo: null,
    evidence: null,
    dispatch_token: null,
    dispatched_at: null,
    sends: 0,
    inquiries: 0,
    next_look_at: null,
    failure_code: null,
    failure_message: null,
    rail_reference: null,
    updated_at: new Date(nowMs),
  }
}

/** What the customer's statement says, ≤ 140 characters. */
function describe(payment: PaymentRow): string {
  switch (payment.kind) {
    case 'topup':
      return 'Mooring wallet top-up'
    case 'withdrawal':
      return 'Mooring wallet withdrawal'
    default:
      return `Mooring ${payment.payee_name}${payment.order_ref === null ? '' : ` ${payment.order_ref}`}`.slice(0, 140)
  }
}
