import type { Recovery } from '../../contract/index.ts'
import {
  type AccountingEvent,
  type Leg,
  postingsOf,
  type RailPlace,
  touchedWallets,
  walletAccount,
} from '../../domain/accounting/index.ts'
import { timestamp } from '../../domain/clock.ts'
import { assertNever } from '../../domain/result.ts'
import {
  type AccountBook,
  accountId,
  type Columns,
  derivedUuid,
  type EventInput,
  type Unit,
} from '../../ledger/index.ts'
import { type PaymentIds, paymentEvents } from '../events.ts'
import { moved } from '../moves.ts'
import { paymentColumns } from '../row-columns.ts'
import type { AttemptRow, PaymentRow } from '../rows.ts'
import type { EvidenceResult, EvidenceRow } from '../evidence.ts'
import { endOfLateRefund, refundedLate } from './refunded.ts'
import type { Facts, Move } from './verdict.ts'
import type { BreakEnding, Way } from './way.ts'

/**
 * What recovery posts, each as one unit: the money, what the payment says of it, the
 * return, and what became of the evidence. The transfers' ids follow from the evidence:
 * also where everything else failed, twice is once.
 */

/** Ways of one move, in the order in which they are tried; the last is never refused. */
export function waysOf(facts: Facts, move: Move): Way[] {
  switch (move.type) {
    case 'late_settlement':
      switch (facts.attempt.operation) {
        case 'collect':
          return cameLate(facts, move.amountMinor)
        case 'payOut':
          return wentLate(facts, move.amountMinor)
        case 'refund':
          return refundedLate(facts, move.amountMinor)
        default:
          return assertNever(facts.attempt.operation, 'operation')
      }
    case 'denied':
      return denied(facts, move.amountMinor)
    case 'returned':
      return returned(facts, move)
  }
}

/** Money came for a payment that ended otherwise: it is the payer's, in its wallet. */
function cameLate({ payment, attempt }: Facts, amountMinor: bigint): Way[] {
  const at = placeOf(payment)
  const found: AccountingEvent = { type: 'break_found', break: 'came_voided', rail: attempt.rail, at, amountMinor }
  const by = { type: 'credit_user' as const, user: payerOf(payment) }
  const ended: AccountingEvent = { type: 'break_ended', break: 'came_voided', rail: attempt.rail, amountMinor, by }
  return [
    {
      name: 'credit',
      events: [found, ended],
      recovery: recovery('late_settlement', amountMinor, 'returned'),
      result: 'posted',
    },
    {
      name: 'suspend',
      events: [found],
      recovery: recovery('late_settlement', amountMinor, 'suspended'),
      result: 'suspended',
    },
  ]
}

/** Money went that we had given back: the wallet pays as far as it goes, the rest its user owes. */
function wentLate({ payment, attempt }: Facts, amountMinor: bigint): Way[] {
  const user = payerOf(payment)
  const { rail } = attempt
  const found: AccountingEvent = { type: 'break_found', break: 'went_voided', rail, amountMinor }
  const charged: AccountingEvent = {
    type: 'break_ended',
    break: 'went_voided',
    rail,
    amountMinor,
    by: { type: 'charge_payer', user },
  }
  const absorbed = recovery('late_settlement', amountMinor, 'absorbed')
  return [
    { name: 'charge', events: [found, charged], recovery: absorbed, result: 'posted' },
    // A frozen wallet gives nothing: what is missing stays on its rail's account until people decide.
    { name: 'keep', events: [found], recovery: recovery('late_settlement', amountMinor, 'open'), result: 'broken' },
  ]
}

/** The rail has not what we posted: the difference is named, and people decide who bears it. */
function denied({ payment, attempt }: Facts, amountMinor: bigint): Way[] {
  const { rail } = attempt
  const found: AccountingEvent =
    attempt.operation === 'collect'
      ? { type: 'break_found', break: 'missing_posted', rail, at: placeOf(payment), amountMinor }
      : { type: 'break_found', break: 'not_gone_posted', rail, amountMinor }
  return [{ name: 'deny', events: [found], recovery: recovery('contradicted', amountMinor, 'open'), result: 'broken' }]
}

function returned(
  { payment, attempt }: Facts,
  { amountMinor, totalMinor, late }: Extract<Move, { type: 'returned' }>,
): Way[] {
  const { rail } = attempt
  const at = placeOf(payment)
  const user = payerOf(payment)
  if (attempt.operation === 'payOut') {
    // What we sent did not arrive: it is its owner's again.
    const back: AccountingEvent = { type: 'payout_returned', user, rail, amountMinor }
    const found: AccountingEvent = { type: 'break_found', break: 'not_gone_posted', rail, amountMinor }
    return [
      { name: 'credit', events: [back], recovery: recovery('returned', totalMinor, 'returned'), result: 'posted' },
      {
        name: 'suspend',
        events: [found],
        recovery: recovery('returned', totalMinor, 'suspended'),
        result: 'suspended',
      },
    ]
  }
  const absorbed = recovery('returned', totalMinor, 'absorbed')
  // A merchant bears what its customer takes back; of a top-up, or of money that went to the wallet, the user.
  const merchant = late ? null : payment.merchant
  const event: AccountingEvent =
    merchant === null
      ? { type: 'topup_returned', user, rail, at, amountMinor }
      : { type: 'collect_returned', merchant, rail, at, amountMinor }
  const found: AccountingEvent = { type: 'break_found', break: 'missing_posted', rail, at, amountMinor }
  return [
    { name: 'charge', events: [event], recovery: absorbed, result: 'posted' },
    { name: 'keep', events: [found], recovery: recovery('returned', totalMinor, 'open'), result: 'broken' },
  ]
}

function recovery(kind: Recovery['kind'], amountMinor: bigint, state: Recovery['state']): Recovery {
  return { kind, amount: amountMinor.toString(), state }
}

function payerOf(payment: PaymentRow): string {
  if (payment.payer === null) throw new Error(`${payment.id} was at a rail and has no payer`)
  return payment.payer
}

function placeOf(payment: PaymentRow): RailPlace {
  return payment.source_type === 'operator' ? 'due' : 'clearing'
}

type Deps = { accounts: AccountBook; ids: PaymentIds }

/** One way as a unit. Only what was taken from whoever had it is a return; what stands as a break is none yet. */
export async function postUnit(deps: Deps, facts: Facts, move: Move, way: Way, nowMs: number): Promise<Unit> {
  const { payment, attempt, evidence } = facts
  const lost = move.type === 'returned' && payment.dispute?.state === 'opened' && evidence.disputed
  const refunded = payment.refunded_amount + (way.refundedMinor ?? 0n)
  const dispute = lost ? { dispute: { state: 'lost' as const } } : {}
  const after = moved(payment, { recovery: way.recovery, refunded_amount: refunded, ...dispute }, nowMs)
  const unit = await moneyUnit(deps, facts, way.events, way.name, after)
  return {
    ...unit,
    ok: {
      ...unit.ok,
      ...(move.type === 'returned' && way.result === 'posted'
        ? { return: returnColumns(attempt, evidence, nowMs) }
        : {}),
      evidence: endColumns(evidence, way.result, move.amountMinor),
    },
  }
}

/** What people decided about a break that stands, or about evidence from which no rule follows. `name`: the approval's. */
export async function decidedUnit(deps: Deps, facts: Facts, name: string, nowMs: number): Promise<Unit> {
  const { payment, evidence } = facts
  const end = facts.attempt.operation === 'refund' ? endOfLateRefund(facts) : endOf(facts)
  if (end === null) return endUnit(facts, 'decided', deps.ids)
  const unit = await moneyUnit(deps, facts, end.events, name, moved(payment, end.patch, nowMs))
  return { ...unit, ok: { ...unit.ok, evidence: endColumns(evidence, 'decided', evidence.moved) } }
}

function endOf(facts: Facts): BreakEnding | null {
  const end = endOfBreak(facts)
  const before = facts.payment.recovery
  if (end === null) return null
  return { events: [end.event], patch: { recovery: before === null ? null : { ...before, state: end.state } } }
}

/** How a break that stands is ended: in favour of its payer, or at the cost of whoever had the money. */
function endOfBreak({
  payment,
  attempt,
  evidence,
}: Facts): { event: AccountingEvent; state: Recovery['state'] } | null {
  const amountMinor = evidence.moved
  if (amountMinor === null) return null
  const { rail } = attempt
  const user = payerOf(payment)
  const settledLate = evidence.kind === 'settled'
  const toUser = { type: 'credit_user' as const, user }
  if (attempt.operation === 'collect') {
    if (settledLate) {
      return { event: { type: 'break_ended', break: 'came_voided', by: toUser, rail, amountMinor }, state: 'returned' }
    }
    const by =
      payment.merchant === null
        ? { type: 'charge_user' as const, user }
        : { type: 'charge_merchant' as const, merchant: payment.merchant }
    return { event: { type: 'break_ended', break: 'missing_posted', by, rail, amountMinor }, state: 'absorbed' }
  }
  if (settledLate) {
    const by = { type: 'charge_payer' as const, user }
    return { event: { type: 'break_ended', break: 'went_voided', by, rail, amountMinor }, state: 'absorbed' }
  }
  return { event: { type: 'break_ended', break: 'not_gone_posted', by: toUser, rail, amountMinor }, state: 'returned' }
}

async function moneyUnit(
  deps: Deps,
  { payment, attempt, evidence }: Facts,
  events: readonly AccountingEvent[],
  name: string,
  after: PaymentRow,
): Promise<Unit> {
  const groups = events.map((event) => postingsOf(event))
  const legs = groups.flatMap((group) => group.legs)
  const pairs = await deps.accounts.ensureLegs(payment.ledger, legs, payment.payer ?? payment.id)
  const total = groups.find(({ totalMinor }) => totalMinor !== undefined)?.totalMinor
  return {
    id: deps.ids.uuid(),
    guard: { payment: { id: payment.id, version: payment.version } },
    transfers: legs.map((leg, i) => ({
      id: derivedUuid(`recovery/${evidence.id}/${name}/${String(i)}`),
      ledger: payment.ledger,
      kind: 'post',
      debit: pairs[i]?.debit ?? '',
      credit: pairs[i]?.credit ?? '',
      amount: leg.amountMinor.toString(),
      // What a refund posts stands under its own id.
      subject: attempt.payment,
      ...(leg.upTo === true ? { up_to: true as const } : {}),
    })),
    ...(total === undefined ? {} : { total: total.toString() }),
    ok: {
      payment: { ...paymentColumns(after), refunded_amount: after.refunded_amount.toString() },
      events: [
        ...paymentEvents(after, attempt.rail, deps.ids, { balances: false }),
        ...balanceEvents(payment, legs, deps.ids),
      ],
    },
  }
}

/** The payer's bank wants it back: said before it is gone. */
export function disputeUnit(facts: Facts, ids: PaymentIds, nowMs: number): Unit {
  const { payment, attempt } = facts
  const after = moved(payment, { dispute: { state: 'opened' } }, nowMs)
  return {
    id: ids.uuid(),
    guard: { payment: { id: payment.id, version: payment.version } },
    ok: {
      payment: paymentColumns(after),
      events: paymentEvents(after, attempt.rail, ids, { balances: false }),
    },
  }
}

/** Evidence from which no posting follows. */
export function endUnit(
  { payment, evidence }: Facts,
  result: Exclude<EvidenceResult, 'posted' | 'suspended' | 'broken'>,
  ids: PaymentIds,
): Unit {
  return {
    id: ids.uuid(),
    guard: { payment: { id: payment.id, version: payment.version } },
    ok: { evidence: endColumns(evidence, result, null) },
  }
}

function endColumns(evidence: EvidenceRow, result: EvidenceResult, movedMinor: bigint | null): Columns<'evidence'> {
  const waits = result === 'suspended' || result === 'broken' || result === 'unpostable'
  return {
    id: evidence.id,
    state: waits ? 'needs_operator' : 'done',
    result,
    moved: movedMinor?.toString() ?? null,
  }
}

function returnColumns(attempt: AttemptRow, evidence: EvidenceRow, nowMs: number): Columns<'return'> {
  return {
    rail: attempt.rail,
    evidence_id: evidence.id,
    payment: attempt.payment,
    no: attempt.no,
    ledger: attempt.ledger,
    amount: evidence.amount.toString(),
    reason: evidence.reason ?? evidence.kind,
    at: timestamp(nowMs),
  }
}

function balanceEvents(payment: PaymentRow, legs: readonly Leg[], ids: PaymentIds): EventInput[] {
  return touchedWallets(legs).map((user) => ({
    id: ids.make('evt'),
    feed: user,
    name: 'balance.updated',
    balance: {
      ledger: payment.ledger,
      account: accountId(payment.ledger, walletAccount(user).name),
      currency: payment.currency,
    },
  }))
}
