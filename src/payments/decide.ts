import { ApplicationFailure } from '@temporalio/common'
import { REFUSED, type OpsAction, type OpsUpdate } from '../contract/names.ts'
import { isUnresolved, type RailStep } from '../domain/attempt.ts'
import { isTerminal } from '../domain/payment.ts'
import { assertNever } from '../domain/result.ts'
import type { RailOutcome } from '../rails/port.ts'
import { cancel as cancelAsked } from './asked.ts'
import type { Bearer } from './bearer.ts'
import { type OutcomeDeps, recordOutcome } from './outcome.ts'
import { askNow } from './rail-health.ts'
import { claimOf } from './evidence.ts'
import { isRefund } from './refunds/bearer.ts'
import type { AttemptRow } from './rows.ts'
import type { PaymentStore } from './store.ts'

/**
 * What operators decide about a payment or refund, through its workflow: the
 * approval is checked and consumed first, for exactly what the operator saw, and
 * then done by the same compare-and-set as everything else.
 */

/** `payment`: or the refund, or the recovery. `by`: names this very update, so that it made again is answered the same. */
export type OperatorDecision = { payment: string; update: OpsUpdate; approval: string; by: string }

export type ApprovalAnswer =
  | { ok: true; action: OpsAction; operators: readonly string[] }
  | { ok: false; code: string; message: string }

/** Single use, for what the operator saw and nothing that came since; over a limit only with another person's beside it. */
export type ConsumeApproval = (decision: OperatorDecision) => Promise<ApprovalAnswer>

export type Decide = (decision: OperatorDecision) => Promise<{ done: string }>

type DecideDeps = OutcomeDeps & { store: PaymentStore; consume: ConsumeApproval }

const CAS_TRIES = 10

export function makeDecide(deps: DecideDeps): Decide {
  return async (decision) => {
    const { payment: id, approval } = decision
    const bearer = await deps.load(id)
    if (bearer === null) throw refused('not_found', `There is no payment or refund ${id}.`)
    const answer = await deps.consume(decision)
    if (!answer.ok) throw refused(answer.code, answer.message)
    const { action, operators } = answer
    deps.log.warn({ payment: id, action, approval, operators }, 'operators decided')
    return { done: await act(deps, bearer, action, { id: approval, who: operators.join(' and ') }) }
  }
}

type Approval = { id: string; who: string }

async function act(deps: DecideDeps, bearer: Bearer, action: OpsAction, approval: Approval): Promise<string> {
  switch (action) {
    case 'resolve_settled':
    case 'resolve_not_moved': {
      const attempt = unresolvedOf(bearer)
      return resolve(deps, attempt, resolutionOf(attempt.step, action, approval))
    }
    case 'inquire_now': {
      const asked = await askNow(deps, unresolvedOf(bearer))
      return asked ? 'The rail is asked now.' : 'It has its outcome meanwhile; nothing is left to ask.'
    }
    case 'cancel':
      return cancel(deps, bearer.id)
    case 'approve_return':
      throw refused('nothing_to_approve', 'Recoveries are approved at their own workflow, <payment>/rec/<evidence>.')
    default:
      return assertNever(action, 'action of operators')
  }
}

/** What operators found out about its money, as an outcome of its step: of a `cancel`, that no money moved is what it is for. */
function resolutionOf(
  step: RailStep,
  action: 'resolve_settled' | 'resolve_not_moved',
  approval: Approval,
): RailOutcome {
  if (action === 'resolve_settled') {
    return { kind: step === 'cancel' ? 'charged' : 'settled', evidence: evidenceOf(approval, 'settled') }
  }
  const evidence = evidenceOf(approval, 'not moved')
  if (step === 'cancel') return { kind: 'settled', evidence }
  const reason = 'It was not carried out, and no money moved; make a new one.'
  return { kind: 'declined', code: 'not_executed', reason, evidence, alarm: false }
}

function unresolvedOf({ attempt }: Bearer): AttemptRow {
  if (attempt === null || !isUnresolved(attempt.state)) {
    throw refused('nothing_to_resolve', 'Nothing of it waits at a rail.')
  }
  return attempt
}

async function resolve(deps: DecideDeps, attempt: AttemptRow, outcome: RailOutcome): Promise<string> {
  const { payment: bearer, no, step } = attempt
  const { kind } = await recordOutcome(deps, { bearer, no, step, outcome })
  return kind === 'kept'
    ? 'It has its outcome meanwhile, which stays.'
    : `Recorded: ${claimOf(step, outcome.kind) ?? outcome.kind}.`
}

function evidenceOf({ id, who }: Approval, status: string) {
  return { via: 'operator' as const, id, status: `${status}, by ${who}`, railReference: null }
}

/** What is held is given back; what has gone to a rail is not. */
async function cancel(deps: DecideDeps, id: string): Promise<string> {
  if (isRefund(id))
    throw refused('payment_not_cancelable', 'A refund is not canceled: only its outcome can be resolved.')
  for (let i = 0; i < CAS_TRIES; i++) {
    const state = await deps.store.state(id)
    if (state === null) throw refused('not_found', `There is no payment ${id}.`)
    if (state.payment.cancel_requested_at !== null && !isTerminal(state.payment.status)) {
      return 'It is being canceled already.'
    }
    const asked = cancelAsked(state, 'operator', deps.ids, deps.clock.now())
    if (asked === null) {
      throw refused('payment_not_cancelable', 'It is with the rail, or over: only its outcome can be resolved.')
    }
    const result = await deps.ledger.apply(asked.unit)
    if (result.code === 'ok')
      return isTerminal(asked.after.status) ? 'Canceled.' : 'Its reservation is being given back.'
  }
  throw new Error(`the state of ${id} kept changing`)
}

/** Said to the operator who asked; never tried again by itself. */
function refused(code: string, message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, `${REFUSED}${code}`)
}
