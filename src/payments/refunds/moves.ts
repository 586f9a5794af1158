import { randomUUID } from 'node:crypto'
import type { RefundStatus, StatusReason } from '../../contract/names.ts'
import type { RefundPrice, TransferGroup } from '../../domain/accounting/index.ts'
import { postingsOf, sourceOf, touchedWallets, walletAccount } from '../../domain/accounting/index.ts'
import { type AttemptState, UNRESOLVED } from '../../domain/attempt.ts'
import { timestamp } from '../../domain/clock.ts'
import { attemptReference } from '../../domain/ids.ts'
import type { AccountBook, Branch, Columns, EventInput, TransferInput, Unit } from '../../ledger/index.ts'
import { accountId, endId } from '../../ledger/index.ts'
import type { RailProfile } from '../../rails/port.ts'
import { merchantFeeds, type PaymentIds, paymentEvents } from '../events.ts'
import { newAttemptColumns } from '../row-columns.ts'
import type { AttemptRow, PaymentRow } from '../rows.ts'
import type { RefundEnding } from './next.ts'
import type { RefundRow, RefundState } from './rows.ts'
import { refundView } from './view.ts'

/**
 * A refund's moves, each as one unit of work (as moves.ts for a payment):
 *
 *  R1 Every move is guarded by the payment's version and raises it, so refunds of one payment follow one another, and
 *     what they come to (`refund_reserved`, `refunded_amount`) is always told by the payment as well.
 *  R2 What is asked for counts from the beginning: `refund_reserved` is what is processing or waits for funds,
 *     `refunded_amount` what has succeeded, and both together never exceed what was captured.
 *  R3 Money is held before a rail is asked, and stays held until there is evidence.
 */

type Moved = { refund: RefundRow; payment: PaymentRow }

type RefundPatch = Partial<Pick<RefundRow, 'status' | 'status_reason' | 'failure_code' | 'failure_message'>>

export const REFUND_MOVES: Readonly<Record<RefundStatus, readonly RefundStatus[]>> = {
  processing: ['succeeded', 'failed'],
  pending_funds: ['processing', 'succeeded', 'failed'],
  succeeded: [],
  failed: [],
}

/** What a refund counts as on its payment. */
const COUNTED: Readonly<Record<RefundStatus, 'reserved' | 'refunded' | 'nothing'>> = {
  processing: 'reserved',
  pending_funds: 'reserved',
  succeeded: 'refunded',
  failed: 'nothing',
}

/** Refund and payment after a visible change: one version up each, and the payment's counters follow (R2). */
function moved(before: RefundRow | null, after: RefundRow, payment: PaymentRow, nowMs: number): Moved {
  const part = (row: RefundRow | null, as: 'reserved' | 'refunded') =>
    row !== null && COUNTED[row.status] === as ? row.amount : 0n
  return {
    refund: after,
    payment: {
      ...payment,
      version: payment.version + 1,
      refund_reserved: payment.refund_reserved + part(after, 'reserved') - part(before, 'reserved'),
      refunded_amount: payment.refunded_amount + part(after, 'refunded') - part(before, 'refunded'),
      updated_at: new Date(nowMs),
    },
  }
}

function movedOn({ refund, payment }: RefundState, patch: RefundPatch, nowMs: number): Moved {
  const { status = refund.status } = patch
  if (status !== refund.status && !REFUND_MOVES[refund.status].includes(status)) {
    throw new Error(`illegal_transition: a refund does not go from ${refund.status} to ${status}`)
  }
  const after = { ...refund, ...patch, version: refund.version + 1, updated_at: new Date(nowMs) }
  return moved(refund, after, payment, nowMs)
}

/** Every column: a refund's row is always written whole. */
function refundColumns(row: RefundRow): Columns<'refund'> {
  return {
    ...row,
    amount: row.amount.toString(),
    fee: row.fee.toString(),
    fee_tax: row.fee_tax.toString(),
    created_at: timestamp(row.created_at.getTime()),
    updated_at: timestamp(row.updated_at.getTime()),
  }
}

/** The rows as they are now, told to merchant and payer, with the wallet's balance where money has moved into it. */
function branchOf({ refund, payment }: Moved, ids: PaymentIds, wallet: boolean): Branch {
  const events: EventInput[] = paymentEvents(payment, null, ids, { balances: false })
  const seen = refundView(refund, 'merchant')
  for (const feed of merchantFeeds(payment)) {
    events.push({ id: ids.make('evt'), feed, name: 'refund.updated', body: seen })
  }
  if (payment.payer !== null) {
    events.push({ id: ids.make('evt'), feed: payment.payer, name: 'refund.updated', body: refundView(refund, 'payer') })
    if (wallet) {
      const account = accountId(payment.ledger, walletAccount(payment.payer).name)
      events.push({
        id: ids.make('evt'),
        feed: payment.payer,
        name: 'balance.updated',
        balance: { ledger: payment.ledger, account, currency: payment.currency },
      })
    }
  }
  return {
    refund: refundColumns(refund),
    payment: {
      version: payment.version,
      refund_reserved: payment.refund_reserved.toString(),
      refunded_amount: payment.refunded_amount.toString(),
      updated_at: timestamp(payment.updated_at.getTime()),
    },
    events,
  }
}

const guardOf = (payment: PaymentRow) => ({ payment: { id: payment.id, version: payment.version } })

/** What the refund's money needs: where it comes from and goes to, and what of the fee comes with it. */
export type Funding = {
  price: RefundPrice
  /** How the payment was collected; null where it came from a wallet, and the refund stays in our books. */
  collect: AttemptRow | null
  profile: RailProfile | null
  /** What may be taken on the merchant's credit line; 0 where it has none. */
  creditMinor: bigint
}

/** The postings of a refund: at once where it stays in our books, else held until the rail has paid. */
function postingsFor(payment: PaymentRow, refund: RefundRow, funding: Funding): TransferGroup {
  const { kind, source_type: source, payer } = payment
  if (payer === null || source === null) throw new Error('a payment that was captured has a payer and a source')
  return postingsOf({
    type: 'refund',
    to: sourceOf({ kind, source, payer, rail: funding.collect?.rail ?? null }),
    merchant: refund.merchant,
    price: funding.price,
    creditMinor: funding.creditMinor,
    timing: funding.collect === null ? 'post' : 'reserve',
  })
}

/** The rows where there is money for it: it is over, or on its way to the rail. */
function begun(payment: PaymentRow, refund: RefundRow, before: RefundRow | null, funding: Funding, nowMs: number) {
  const status = funding.collect === null ? ('succeeded' as const) : ('processing' as const)
  const after = moved(before, { ...refund, status }, payment, nowMs)
  const attempt = funding.collect === null ? null : newAttempt(refund, payment, funding.collect, funding.profile, nowMs)
  return { after, attempt }
}

/**
 * Moves or holds the money for a refund, new (`before` null) or one that waited for it. Where the ledger refuses, a new
 * one waits for funds and one that waited goes on waiting.
 */
export async function fund(
  { payment, refund, before }: { payment: PaymentRow; refund: RefundRow; before: RefundRow | null },
  funding: Funding,
  deps: { ids: PaymentIds; accounts: AccountBook },
  nowMs: number,
): Promise<{ unit: Omit<Unit, 'id'>; after: Moved; waits: { branch: Branch; after: Moved } | null }> {
  const { ids, accounts } = deps
  const group = postingsFor(payment, refund, funding)
  const pairs = await accounts.ensureLegs(payment.ledger, group.legs, payment.payer ?? payment.id)
  const transfers = group.legs.map((leg, i): TransferInput => ({
    // Fresh each time: an id that was refused stays refused.
    id: ids.uuid(),
    ledger: payment.ledger,
    kind: group.timing,
    debit: pairs[i]?.debit ?? '',
    credit: pairs[i]?.credit ?? '',
    amount: leg.amountMinor.toString(),
    subject: refund.id,
    ...(leg.upTo === undefined ? {} : { up_to: true as const }),
  }))
  const { after, attempt } = begun(payment, refund, before, funding, nowMs)
  const wallet = touchedWallets(group.legs).length > 0
  const waiting = before === null ? moved(null, { ...refund, status: 'pending_funds' }, payment, nowMs) : null
  return {
    unit: {
      guard: guardOf(payment),
      transfers,
      ...(group.totalMinor === undefined ? {} : { total: group.totalMinor.toString() }),
      ok: {
        ...branchOf(after, ids, wallet),
        ...(attempt === null ? {} : { new_attempt: newAttemptColumns(attempt) }),
      },
    },
    after,
    waits: waiting === null ? null : { branch: branchOf(waiting, ids, false), after: waiting },
  }
}

/** The row of a refund that waited, as it is once it has its money. */
export function resumed({ refund }: RefundState, nowMs: number): RefundRow {
  return { ...refund, version: refund.version + 1, updated_at: new Date(nowMs) }
}

function newAttempt(
  refund: RefundRow,
  payment: PaymentRow,
  collect: AttemptRow,
  profile: RailProfile | null,
  nowMs: number,
): AttemptRow {
  const step = profile?.firstStep.refund
  if (step !== 'submit') throw new Error(`${collect.rail} does not offer refunds in one call`)
  if (collect.dispatched_at === null) throw new Error(`${collect.reference} has settled and was never sent`)
  return {
    payment: refund.id,
    no: 1,
    ledger: refund.ledger,
    rail: collect.rail,
    operation: 'refund',
    reference: attemptReference(refund.id, 'refund', 1),
    uetr: randomUUID(),
    amount: refund.amount,
    currency: refund.currency,
    account: collect.account,
    account_holder: collect.account_holder,
    mandate_id: null,
    mandate_signed_on: null,
    description: `Refund: ${collect.description}`.slice(0, 140),
    merchant: collect.merchant,
    merchant_name: collect.merchant_name,
    original: {
      reference: collect.reference,
      uetr: collect.uetr,
      // What the rail took, which of a capture in part is less than was reserved.
      amount: payment.captured_amount.toString(),
      dispatched_at_ms: collect.dispatched_at.getTime(),
      rail_reference: collect.rail_reference,
      memo: collect.memo ?? {},
    },
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

/** Without an outcome, or found nowhere and to be sent again. */
const WAITING: readonly AttemptState[] = [...UNRESOLVED, 'not_found']

/** Says that the rail has not answered yet, or that an operator is needed; null where it says so already. */
export function say(state: RefundState, reason: StatusReason, ids: PaymentIds, nowMs: number): Unit | null {
  const { refund, payment, attempt } = state
  const said = refund.status_reason === reason || refund.status_reason === 'needs_operator'
  if (refund.status !== 'processing' || said || attempt === null || !WAITING.includes(attempt.state)) return null
  const after = movedOn(state, { status_reason: reason }, nowMs)
  const guard = { ...guardOf(payment), attempt: attemptGuard(state, [...WAITING]) }
  return { id: ids.uuid(), guard, ok: branchOf(after, ids, false) }
}

/** The rail has paid: the holds are posted and the refund has succeeded. */
export function settle(state: RefundState, ids: PaymentIds, nowMs: number): Unit {
  if (state.holds.length === 0) throw new Error('illegal_postings: a refund at a rail holds its money')
  const after = movedOn(state, { status: 'succeeded', status_reason: null }, nowMs)
  return {
    id: ids.uuid(),
    guard: { ...guardOf(state.payment), attempt: attemptGuard(state, ['settled']) },
    transfers: ends(state, 'confirm'),
    ok: branchOf(after, ids, false),
  }
}

/** It does not happen: what was held goes back to whoever it was taken from. */
export function fail(state: RefundState, end: RefundEnding, ids: PaymentIds, nowMs: number): Unit {
  const { attempt } = state
  const { code, message } = end.failure
  const patch = { status: 'failed' as const, status_reason: null, failure_code: code, failure_message: message }
  const after = movedOn(state, patch, nowMs)
  return {
    id: ids.uuid(),
    guard: {
      ...guardOf(state.payment),
      ...(attempt === null ? {} : { attempt: attemptGuard(state, [attempt.state]) }),
    },
    transfers: ends(state, 'void'),
    ok: branchOf(after, ids, false),
  }
}

/** The attempt as it must still be: its state, and the very call it is of. */
function attemptGuard({ refund, attempt }: RefundState, states: string[]) {
  if (attempt === null) throw new Error(`refund ${refund.id} has no attempt at a rail`)
  const token = attempt.dispatch_token
  return { payment: attempt.payment, no: attempt.no, states, ...(token === null ? {} : { token }) }
}

/** Their ids follow from the hold: twice is once. */
function ends(state: RefundState, kind: 'confirm' | 'void'): TransferInput[] {
  return state.holds.map(({ id, ledger }) => ({
    id: endId(id, kind),
    ledger,
    kind,
    pending: id,
    subject: state.refund.id,
  }))
}
