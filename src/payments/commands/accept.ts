import { randomUUID } from 'node:crypto'
import { attemptReference } from '../../domain/ids.ts'
import type { RailOperation } from '../../rails/port.ts'
import type { PaymentDeps } from '../deps.ts'
import { holdTransfers, newAttemptColumns, newPaymentColumns, paymentColumns, paymentEvents } from '../moves.ts'
import type { AttemptRow, PaymentRow } from '../rows.ts'
import { paymentView } from '../view.ts'
import { accountBlocked, insufficientFunds, type ResolvedSource, type Signed } from './authorise.ts'
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
  const rail = source.row?.rail ?? null
  const attempt = source.row === null ? null : newAttempt(accepted, source.row, deps.clock.now())
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
    source_id: source.row?.id ?? 'wallet',
    source_label: source.row?.label ?? 'Wallet',
    accepted_at: new Date(nowMs),
    start_by: new Date(nowMs + deps.rules.startWithinMs),
  }
}

function newAttempt(payment: PaymentRow, source: NonNullable<ResolvedSource['row']>, nowMs: number): AttemptRow {
  const operation: RailOperation = payment.kind === 'withdrawal' ? 'payOut' : 'collect'
  return {
    payment: payment.id,
    no: 1,
    ledger: payment.ledger,
    rail: source.rail,
    operation,
    reference: attemptReference(payment.id, operation, 1),
    uetr: randomUUID(),
    amount: payment.amount,
    currency: payment.currency,
    account_iban: source.iban,
    account_holder: source.holder,
    mandate_id: source.mandate_id,
    mandate_signed_on: source.mandate_signed_on,
    description: describe(payment),
    state: 'prepared',
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

/** What the customer's bank statement says, ≤ 140 characters. */
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
