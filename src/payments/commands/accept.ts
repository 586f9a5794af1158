import { randomUUID } from 'node:crypto'
import type { CaptureMethod, PaymentKind } from '../../contract/names.ts'
import type { Taxes } from '../../domain/accounting/index.ts'
import { type Fee, feeOf, NO_FEE, taxIn } from '../../domain/fee.ts'
import { attemptReference } from '../../domain/ids.ts'
import type { Refusal } from '../../domain/refusal.ts'
import { err, ok, type Result } from '../../domain/result.ts'
import type { Unit } from '../../ledger/index.ts'
import { overloaded } from '../admission.ts'
import type { PaymentDeps } from '../deps.ts'
import { paymentEvents } from '../events.ts'
import { holdTransfers } from '../moves.ts'
import { newAttemptColumns, newPaymentColumns, paymentColumns } from '../row-columns.ts'
import type { AttemptRow, PaymentRow } from '../rows.ts'
import { paymentView } from '../view.ts'
import {
  accountBlocked,
  insufficientFunds,
  limitExceeded,
  OPERATION,
  type RailSource,
  type ResolvedSource,
} from './authorise.ts'
import type { Decision } from './pipeline.ts'

/** Which way this payment would go now, or why it is not taken at all (E1, E2). */
export function wayOf(
  deps: PaymentDeps,
  of: { source: string; kind: PaymentKind; capture: CaptureMethod },
): Result<'express' | 'workflow', Refusal> {
  const ownBooks = of.source === 'wallet' && (of.kind === 'purchase' || of.kind === 'transfer')
  const way = deps.admission.way(ownBooks && of.capture === 'automatic')
  return way === 'full' ? err(overloaded()) : ok(way)
}

/** Fields a payment gains when it is accepted: held, or posted at once on the express lane. */
export function acceptance(
  deps: PaymentDeps,
  way: 'express' | 'workflow',
  of: { source: ResolvedSource; user: string; amountMinor: bigint; payerFeeMinor: bigint },
  nowMs: number,
) {
  const { source, user, amountMinor, payerFeeMinor } = of
  return {
    ...(way === 'express'
      ? { status: 'succeeded' as const, captured_amount: amountMinor, start_by: null }
      : {
          status: 'processing' as const,
          captured_amount: 0n,
          start_by: new Date(nowMs + deps.rules.startWithinMs),
        }),
    payer: user,
    payer_fee: payerFeeMinor,
    source_type: source.type,
    source_id: source.id,
    source_label: source.label,
    accepted_at: new Date(nowMs),
  }
}

export type Acceptance = {
  accepted: PaymentRow
  /** The payment as it stood, null for kinds that are born here. */
  before: PaymentRow | null
  source: ResolvedSource
  /** What it spends: of a signature its jti, of a customer's code number and step. */
  jti: NonNullable<Unit['jti']> | null
  /** The device that signed it; null where a code stands for that. */
  device: string | null
  taxes: Taxes
}

/**
 * Accepts a payment: limits, hold, state, attempt, signature and events as one unit
 * (payments.md, Accept). The positive reply is durable because it follows the commit.
 * Its rail is asked for before anything is held; the ledger refuses limits before funds.
 */
export async function acceptDecision(deps: PaymentDeps, of: Acceptance): Promise<Decision> {
  const { accepted, before, source, jti, device, taxes } = of
  const now = deps.clock.now()
  const isOver = accepted.status === 'succeeded'
  const spent = spentBy(accepted)
  const begun = isOver ? null : deps.admission.begin(spent.user)
  if (begun?.ok === false) return { kind: 'refusal', refusal: begun.error }
  const rail = source.account?.entry.id ?? null
  const place = rail === null ? null : deps.guard.admit(rail, accepted.id)
  if (place?.ok === false) {
    begun?.value()
    const fits = await deps.spending.fits(spent, now)
    return { kind: 'refusal', refusal: fits ? place.error : limitExceeded() }
  }
  const attempt = source.account === null ? null : newAttempt(accepted, source.account, now)
  const amount = accepted.amount.toString()
  const events = paymentEvents(accepted, rail, deps.ids, { balances: true })
  return {
    kind: 'unit',
    unit: {
      ...(jti === null ? {} : { jti }),
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
      transfers: [
        ...(await deps.spending.legs(accepted, now)),
        ...(await holdTransfers(accepted, rail, deps.ids, deps.accounts, before, taxes)),
      ],
      ok: {
        ...(before === null ? { new_payment: newPaymentColumns(accepted) } : { payment: paymentColumns(accepted) }),
        ...(attempt === null ? {} : { new_attempt: newAttemptColumns(attempt) }),
        events,
      },
    },
    body: paymentView(accepted, 'payer'),
    refused: {
      any: insufficientFunds(),
      byReason: {
        // Only limits are bounded on this side (src/ledger/limits.ts).
        exceeds_debits: limitExceeded(),
        account_frozen: accountBlocked(),
        account_closed: accountBlocked(),
      },
    },
    refusedAfterAll: () => {
      begun?.value()
      if (place?.ok === true) place.value.giveBack()
    },
    after: () => {
      deps.failpoint('reply-sent', amount)
      if (device !== null) deps.codes.touched(device)
      if (isOver) return
      deps.admission.accepted()
      const about = { kind: accepted.kind, rail, merchant: accepted.merchant, user: accepted.payer }
      deps.start(accepted.id, about, () => deps.failpoint('started', amount))
    },
    amount,
  }
}

function spentBy(row: PaymentRow): { user: string; kind: PaymentKind; totalMinor: bigint } {
  if (row.payer === null) throw new Error('an accepted payment has a payer')
  return { user: row.payer, kind: row.kind, totalMinor: row.amount + row.payer_fee }
}

/** What the payer pays beside the amount, by the plan in force for this kind (docs/accounting.md, Fees). */
export async function payerFee(deps: PaymentDeps, kind: PaymentKind, amountMinor: bigint): Promise<Fee> {
  if (kind !== 'transfer' && kind !== 'withdrawal') return NO_FEE
  const plan = await deps.feePlans.ofPayers(kind)
  return plan === null ? NO_FEE : feeOf(amountMinor, plan)
}

/** The tax in a merchant's fee, by the plan its payment was priced with. */
export async function merchantTax(deps: PaymentDeps, payment: PaymentRow): Promise<Fee['tax']> {
  return payment.fee_plan === null ? null : taxIn(payment.fee, await deps.feePlans.byId(payment.fee_plan))
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
