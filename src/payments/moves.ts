import type { FailureCode, PaymentStatus } from '../contract/names.ts'
import type { NextAction } from '../contract/index.ts'
import { timestamp } from '../domain/clock.ts'
import type { Ids } from '../domain/ids.ts'
import { assertMove } from '../domain/payment.ts'
import {
  allowedPostings,
  assertLedgerMove,
  expectedPostings,
  type Leg,
  paymentLegs,
  SOURCE_CODE,
  type Standing,
  type Taxes,
} from '../domain/accounting/index.ts'
import type { AccountBook, Branch, TransferInput, Unit } from '../ledger/index.ts'
import { endId } from '../ledger/index.ts'
import { type PaymentIds, paymentEvents } from './events.ts'
import { postingFacts } from './posting-facts.ts'
import { paymentColumns } from './row-columns.ts'
import type { AttemptRow, PaymentRow, PaymentState } from './rows.ts'

/**
 * A payment's moves, each as one unit of work: what must still hold, the ledger's
 * part, the new state, and the events that tell of it. Nothing here reads or
 * writes; the steps and commands that call it do.
 */

/** Fields of a payment a move may change; what is not named stays. */
export type PaymentPatch = Partial<
  Pick<
    PaymentRow,
    | 'status'
    | 'status_reason'
    | 'fee'
    | 'captured_amount'
    | 'refunded_amount'
    | 'capture_requested'
    | 'cancel_requested_at'
    | 'next_action'
    | 'recovery'
    | 'dispute'
    | 'expires_at'
    | 'payer'
    | 'payer_fee'
    | 'source_type'
    | 'source_id'
    | 'source_label'
    | 'failure_code'
    | 'failure_message'
    | 'accepted_at'
    | 'start_by'
  >
>

/** The row after a visible change: one version up. */
export function moved(row: PaymentRow, patch: PaymentPatch, nowMs: number): PaymentRow {
  if (patch.status !== undefined && patch.status !== row.status) assertMove(row.status, patch.status)
  return { ...row, ...patch, version: row.version + 1, updated_at: new Date(nowMs) }
}

/**
 * Transfers that place the hold of a payment as it is once it was accepted, or that post it where it has succeeded by
 * that; `before` that, null where it is born so. Ids are fresh: after a refusal the same payment may be tried again.
 */
export async function holdTransfers(
  row: PaymentRow,
  rail: string | null,
  ids: Ids,
  accounts: AccountBook,
  before: PaymentRow | null = null,
  taxes: Taxes = {},
): Promise<TransferInput[]> {
  const kind = row.status === 'succeeded' ? 'post' : 'reserve'
  assertLedgerMove(before === null ? null : standing(before), standing(row), kind)
  const legs = paymentLegs(postingFacts(row, rail, taxes))
  assertHeld(row, legs)
  const pairs = await accounts.ensureLegs(row.ledger, legs, row.payer ?? row.id)
  return legs.map((leg, i) => ({
    id: ids.uuid(),
    ledger: row.ledger,
    kind,
    debit: pairs[i]?.debit ?? '',
    credit: pairs[i]?.credit ?? '',
    amount: leg.amountMinor.toString(),
    subject: row.id,
  }))
}

export function standing(row: PaymentRow): Standing {
  return { status: row.status, accepted: row.accepted_at !== null }
}

/** Throws where these legs do not hold, or post, what the state asks for (L5). */
function assertHeld(row: PaymentRow, legs: readonly Leg[]): void {
  const allowed = allowedPostings(standing(row))
  const code = row.source_type === null ? null : SOURCE_CODE[row.kind][row.source_type]
  if (allowed === null || code === null) throw new Error(`illegal_postings: a ${row.kind} has no such source`)
  const { heldMinor, postedMinor } = expectedPostings(allowed, {
    amountMinor: row.amount,
    capturedMinor: row.captured_amount,
    payerFeeMinor: row.payer_fee,
  })
  const held = legs.reduce((sum, { debit, amountMinor }) => sum + (debit.code === code ? amountMinor : 0n), 0n)
  if (held !== heldMinor + postedMinor) {
    throw new Error(`illegal_postings: ${String(held)} is not what ${row.status} asks for`)
  }
}

/** Transfers that end every open hold of a payment one way. Their ids follow from the hold: twice is once. */
export function endTransfers(state: PaymentState, kind: 'confirm' | 'void'): TransferInput[] {
  return state.holds.map((hold) => ({
    id: endId(hold.id, kind),
    ledger: hold.ledger,
    kind,
    pending: hold.id,
    subject: state.payment.id,
  }))
}

/** The workflow takes the payment over: from here the sweeper leaves it alone. Not a visible change. */
export function takeOver({ payment }: PaymentState, ids: Ids, nowMs: number): Unit {
  return {
    id: ids.uuid(),
    guard: { payment: { id: payment.id, version: payment.version } },
    ok: { payment: { started_at: timestamp(nowMs) } },
  }
}

/** Says that the rail has not answered yet; a payment that says so already stays as it is. */
export function awaitRail({ payment, attempt }: PaymentState, ids: PaymentIds, nowMs: number): Branch {
  // Only while it waits for a rail and says nothing yet; what an operator must decide goes on saying so.
  if (payment.status_reason !== null || (payment.status !== 'processing' && payment.status !== 'requires_capture')) {
    return {}
  }
  const after = moved(payment, { status_reason: 'awaiting_rail' }, nowMs)
  return {
    payment: paymentColumns(after),
    events: paymentEvents(after, attempt?.rail ?? null, ids, { balances: false }),
  }
}

/** The attempt as it must still be for a unit to apply: its state, and the very call it is of. */
export function attemptGuard(attempt: AttemptRow, states: readonly string[]) {
  return {
    payment: attempt.payment,
    no: attempt.no,
    states: [...states],
    ...(attempt.dispatch_token === null ? {} : { token: attempt.dispatch_token }),
  }
}

/** What of a payment is captured where that is not all: `ends`, how each hold ends. */
type Part = { amountMinor: bigint; feeMinor: bigint; ends: TransferInput[] }

/** A payment as it has succeeded. */
export function succeeded(payment: PaymentRow, part: Part | undefined, nowMs: number): PaymentRow {
  return moved(
    payment,
    {
      status: 'succeeded',
      status_reason: null,
      captured_amount: part?.amountMinor ?? payment.amount,
      capture_requested: null,
      next_action: null,
      ...(part === undefined ? {} : { fee: part.feeMinor }),
    },
    nowMs,
  )
}

/** What posts the holds and says that the payment has succeeded. */
export function success(
  state: PaymentState,
  ids: PaymentIds,
  nowMs: number,
  part?: Part,
): { transfers: TransferInput[]; ok: Branch } {
  const { payment, attempt } = state
  const after = succeeded(payment, part, nowMs)
  assertLedgerMove(standing(payment), standing(after), 'confirm')
  if (state.holds.length === 0) throw new Error('illegal_postings: a payment with no hold has nothing to confirm')
  return {
    transfers: part?.ends ?? endTransfers(state, 'confirm'),
    ok: {
      payment: paymentColumns(after),
      events: paymentEvents(after, attempt?.rail ?? null, ids, { balances: true }),
    },
  }
}

/** Posts the holds: the payment has succeeded. */
export function confirm(state: PaymentState, ids: PaymentIds, nowMs: number, part?: Part): Unit {
  const { payment, attempt } = state
  return {
    id: ids.uuid(),
    guard: {
      // A payment wholly in our own books is posted in time or not at all; one at a rail follows the rail.
      payment: {
        id: payment.id,
        version: payment.version,
        ...(attempt === null && payment.status === 'processing' ? { before_start_by: true } : {}),
      },
      ...(attempt === null ? {} : { attempt: attemptGuard(attempt, ['settled']) }),
    },
    ...success(state, ids, nowMs, part),
  }
}

/** It is the payer's turn (a code to type) or the merchant's (to capture or cancel): the hold stands, the payment says so. */
export function handOver(
  state: PaymentState,
  to: { status: 'requires_action'; action: NextAction } | { status: 'requires_capture' },
  expiresAtMs: number,
  ids: PaymentIds,
  nowMs: number,
): { unit: Unit; after: PaymentRow } {
  const { payment, attempt } = state
  const after = moved(
    payment,
    {
      status: to.status,
      status_reason: null,
      next_action: to.status === 'requires_action' ? to.action : null,
      expires_at: new Date(expiresAtMs),
    },
    nowMs,
  )
  assertLedgerMove(standing(payment), standing(after), 'none')
  const unit: Unit = {
    id: ids.uuid(),
    guard: {
      payment: {
        id: payment.id,
        version: payment.version,
        ...(attempt === null ? { before_start_by: true } : {}),
      },
      ...(attempt === null ? {} : { attempt: attemptGuard(attempt, ['settled']) }),
    },
    ok: {
      payment: paymentColumns(after),
      events: paymentEvents(after, attempt?.rail ?? null, ids, { balances: false }),
    },
  }
  return { unit, after }
}

/** Voids the holds: nothing moved, and the payment ends so. `whileAttempt` names the attempt states in which this is true. */
export function release(
  state: PaymentState,
  end: {
    status: Extract<PaymentStatus, 'failed' | 'canceled' | 'expired'>
    failure?: { code: FailureCode; message: string }
  },
  whileAttempt: readonly string[],
  ids: PaymentIds,
  nowMs: number,
): { unit: Unit; after: PaymentRow } {
  const { payment, attempt } = state
  const after = moved(
    payment,
    {
      status: end.status,
      status_reason: null,
      failure_code: end.failure?.code ?? null,
      failure_message: end.failure?.message ?? null,
      capture_requested: null,
      next_action: null,
    },
    nowMs,
  )
  assertLedgerMove(standing(payment), standing(after), 'void')
  const unit: Unit = {
    id: ids.uuid(),
    guard: {
      payment: { id: payment.id, version: payment.version },
      ...(attempt === null ? {} : { attempt: attemptGuard(attempt, whileAttempt) }),
    },
    transfers: endTransfers(state, 'void'),
    ok: {
      payment: paymentColumns(after),
      events: paymentEvents(after, attempt?.rail ?? null, ids, { balances: true }),
    },
  }
  return { unit, after }
}
