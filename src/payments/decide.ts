import { createHash } from 'node:crypto'
import { ApplicationFailure } from '@temporalio/common'
import { APPROVED_ACTIONS, type ApprovedAction, evidenceText, type OperatorUpdate } from '../domain/approval.ts'
import { UNSENT, isUnresolved, isUnsent } from '../domain/attempt.ts'
import { timestamp } from '../domain/clock.ts'
import { assertNever } from '../domain/result.ts'
import type { RailOutcome } from '../rails/port.ts'
import { moved, paymentColumns, paymentEvents, release } from './moves.ts'
import { type OutcomeDeps, recordOutcome } from './outcome.ts'
import { askNow } from './rail-health.ts'
import type { AttemptRow, PaymentState } from './rows.ts'
import type { PaymentStore } from './store.ts'

/**
 * What operators decide about a payment, through its workflow: the approval is
 * checked and consumed first, for exactly what the operator saw, and then done by
 * the same compare-and-set as everything else.
 */

/** An approval as it is asked for: it must have been given for exactly this. */
export type ApprovalRequest = {
  approval: string
  payment: string
  actions: readonly ApprovedAction[]
  amountMinor: bigint
  currency: string
  /** SHA-256 of what is known now, hex. */
  evidenceHash: string
  /** Who consumes it; the same again is answered the same. */
  by: string
}

export type ApprovalAnswer =
  | { ok: true; action: ApprovedAction; operators: readonly string[]; reason: string }
  | { ok: false; code: string; message: string }

/** Single use; over a limit only where another operator has approved the same as well. */
export type ConsumeApproval = (request: ApprovalRequest) => Promise<ApprovalAnswer>

export type OperatorDecision = { payment: string; update: OperatorUpdate; approval: string; by: string }
export type Decide = (decision: OperatorDecision) => Promise<{ done: string }>

type DecideDeps = OutcomeDeps & { store: PaymentStore; consume: ConsumeApproval }

const CAS_TRIES = 10

export function makeDecide(deps: DecideDeps): Decide {
  return async ({ payment: id, update, approval, by }) => {
    const state = await deps.store.state(id)
    if (state === null) throw refused('not_found', `There is no payment ${id}.`)
    const { payment } = state
    const answer = await deps.consume({
      approval,
      payment: id,
      actions: actionsOf(update),
      amountMinor: payment.amount,
      currency: payment.currency,
      evidenceHash: evidenceHash(state),
      by,
    })
    if (!answer.ok) throw refused(answer.code, answer.message)
    const who = `${answer.operators.join(' and ')}: ${answer.reason}`
    deps.log.warn({ payment: id, action: answer.action, approval, operators: answer.operators }, 'operators decided')
    return { done: await act(deps, state, answer.action, { id: approval, who }) }
  }
}

/** What the operators of this payment have before them, as its hash. */
export function evidenceHash({ payment, attempt }: PaymentState): string {
  const text = evidenceText({
    payment: payment.id,
    status: payment.status,
    reference: attempt?.reference ?? null,
    step: attempt?.step ?? null,
    state: attempt?.state ?? null,
    evidence: attempt?.evidence ?? null,
  })
  return createHash('sha256').update(text).digest('hex')
}

const actionsOf = (update: OperatorUpdate): ApprovedAction[] =>
  Object.entries(APPROVED_ACTIONS).flatMap(([action, by]) => (by === update && isAction(action) ? [action] : []))

const isAction = (name: string): name is ApprovedAction => Object.hasOwn(APPROVED_ACTIONS, name)

type Approval = { id: string; who: string }

async function act(deps: DecideDeps, state: PaymentState, action: ApprovedAction, approval: Approval): Promise<string> {
  switch (action) {
    case 'resolve_settled':
      return resolve(deps, unresolvedOf(state), { kind: 'settled', evidence: evidenceOf(approval, 'settled') })
    case 'resolve_not_moved':
      return resolve(deps, unresolvedOf(state), {
        kind: 'declined',
        code: 'not_executed',
        reason: 'The payment was not carried out. Nothing was charged; you can pay again.',
        evidence: evidenceOf(approval, 'not moved'),
        alarm: false,
      })
    case 'inquire_now': {
      const asked = await askNow(deps, unresolvedOf(state))
      return asked ? 'The rail is asked now.' : 'It has its outcome meanwhile; nothing is left to ask.'
    }
    case 'cancel':
      return cancel(deps, state.payment.id)
    case 'approve_recovery':
      throw refused('nothing_to_approve', 'Recoveries are approved at their own workflow, <payment>/rec/<evidence>.')
    default:
      return assertNever(action, 'approved action')
  }
}

function unresolvedOf(state: PaymentState): AttemptRow {
  const { attempt } = state
  if (attempt === null || !isUnresolved(attempt.state)) {
    throw refused('nothing_to_resolve', 'Nothing of this payment waits at a rail.')
  }
  return attempt
}

async function resolve(deps: DecideDeps, attempt: AttemptRow, outcome: RailOutcome): Promise<string> {
  const { payment: bearer, no, step } = attempt
  const kind = await recordOutcome(deps, { bearer, no, step, outcome })
  return kind === 'kept' ? 'It has its outcome meanwhile, which stays.' : `Recorded: ${outcome.kind}.`
}

function evidenceOf({ id, who }: Approval, status: string) {
  return { via: 'operator' as const, id, status: `${status}, by ${who}`, railReference: null }
}

/** What is held is given back; what has gone to a rail is not. */
async function cancel(deps: DecideDeps, id: string): Promise<string> {
  for (let i = 0; i < CAS_TRIES; i++) {
    const state = await deps.store.state(id)
    if (state === null) throw refused('not_found', `There is no payment ${id}.`)
    const { payment, attempt } = state
    const now = deps.clock.now()
    const untouched = attempt === null || (isUnsent(attempt.state) && attempt.step !== 'confirm')
    const reserved = attempt?.state === 'settled' && (attempt.step === 'prepare' || attempt.step === 'validate')
    if (payment.accepted_at === null || (!untouched && !reserved)) {
      throw refused('payment_not_cancelable', 'It is with the rail, or over: only its outcome can be resolved.')
    }
    if (payment.cancel_requested_at !== null) return 'It is being canceled already.'
    const after = moved(payment, { cancel_requested_at: new Date(now) }, now)
    const result = await deps.ledger.apply(
      untouched
        ? release(state, { status: 'canceled' }, UNSENT, deps.ids, now).unit
        : {
            id: deps.ids.uuid(),
            guard: {
              payment: { id, version: payment.version },
              attempt: { payment: id, no: attempt.no, states: ['settled'] },
            },
            ok: {
              payment: { ...paymentColumns(after), cancel_requested_at: timestamp(now) },
              events: paymentEvents(after, attempt.rail, deps.ids, { balances: false }),
            },
          },
    )
    if (result.code === 'ok') return untouched ? 'Canceled.' : 'Its reservation is being given back.'
  }
  throw new Error(`the state of ${id} kept changing`)
}

/** Said to the operator who asked; never tried again by itself. */
function refused(code: string, message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, code)
}
