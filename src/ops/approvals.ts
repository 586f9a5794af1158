import { OPS_ACTIONS, type OpsAction, type OpsUpdate } from '../contract/names.ts'
import type { Ids } from '../domain/ids.ts'
import { err, ok, type Result } from '../domain/result.ts'
import type { Query, Sql } from '../ledger/index.ts'
import { recordOps } from './audit-log.ts'
import { evidenceOf, type Seen } from './evidence.ts'
import type { Operator } from './operators.ts'

/** What each action does, and the workflow's update that acts on it (payments.md, Ops). */
export const ACTIONS: Readonly<Record<OpsAction, { update: OpsUpdate; what: string }>> = {
  inquire_now: { update: 'inquireNow', what: 'Ask the rail again now' },
  resolve_settled: { update: 'resolve', what: 'Decide: the money moved' },
  resolve_not_moved: { update: 'resolve', what: 'Decide: no money moved, and none will' },
  cancel: { update: 'cancel', what: 'Cancel, where the rail has not moved money' },
  approve_return: { update: 'approve', what: 'Approve what follows from it' },
}

/** The actions an update may be approved for. */
export const actionsOf = (update: OpsUpdate): OpsAction[] =>
  OPS_ACTIONS.filter((action) => ACTIONS[action].update === update)

/** What may be decided of what is seen: a recovery is approved, and everything else is of the payment or refund itself. */
export const actionsFor = ({ about }: Pick<Seen, 'about'>): OpsAction[] =>
  OPS_ACTIONS.filter((action) => (action === 'approve_return') === (about !== null)).filter(
    () => about === null || about.state === 'needs_operator',
  )

/** What the amount counts as for the rule of two people, minor units: a sum above it needs both. */
export const needsTwo = (amountMinor: bigint, twoAboveMinor: bigint): boolean => amountMinor > twoAboveMinor

export type ApprovalRefusal =
  | { code: 'not_found' }
  /** What was seen is not what is there now. */
  | { code: 'evidence_changed' }
  | { code: 'reason_too_short' }
  /** It is not a decision about this: a recovery is approved by its own id, and nothing else is. */
  | { code: 'other_action' }
  /** One person's second approval of one decision is no second person's. */
  | { code: 'already_approved'; approval: string }

export type Approval = { id: string; payment: string; action: OpsAction; evidenceHash: string; expiresAt: Date }

const REASON_LETTERS = { least: 10, most: 1_000 }

/**
 * An operator's decision, for the ops service: bound to the payment, refund or recovery, the action, its amount and what was seen,
 * good for 15 minutes and once. Whether another person's is needed beside it is decided where it is consumed.
 */
export async function makeApproval(
  sql: Sql,
  ids: Ids,
  decision: { payment: string; action: OpsAction; evidenceHash: string; reason: string; operator: Operator },
): Promise<Result<Approval, ApprovalRefusal>> {
  const { payment, action, evidenceHash, operator } = decision
  const reason = decision.reason.trim()
  return sql.begin(async (tx) => {
    const refused = async (refusal: ApprovalRefusal) => {
      const detail = { action, evidence_hash: evidenceHash, ...refusal }
      await recordOps(tx, { kind: 'approval_refused', operator: operator.name, subject: payment, detail })
      return err(refusal)
    }
    if (reason.length < REASON_LETTERS.least || reason.length > REASON_LETTERS.most) {
      return refused({ code: 'reason_too_short' })
    }
    const seen = await evidenceOf(tx, payment)
    if (seen === null) return refused({ code: 'not_found' })
    if (seen.hash !== evidenceHash) return refused({ code: 'evidence_changed' })
    if (!actionsFor(seen).includes(action)) return refused({ code: 'other_action' })
    const [own] = await tx<{ id: string }[]>`
      select id from approvals where payment = ${payment} and action = ${action} and evidence_hash = ${seen.hash}
        and operator = ${operator.id} and consumed_by is null and expires_at > clock_timestamp()`
    if (own !== undefined) return refused({ code: 'already_approved', approval: own.id })
    const id = ids.make('apr')
    const [made] = await tx<{ expires_at: Date }[]>`
      insert into approvals (id, payment, action, amount, currency, evidence_hash, evidence, reason, operator)
      values (${id}, ${payment}, ${action}, ${seen.amountMinor}, ${seen.currency}, ${seen.hash},
        ${JSON.stringify(seen.evidence)}::text::jsonb, ${reason}, ${operator.id})
      returning expires_at`
    if (made === undefined) throw new Error(`approval ${id} was not written`)
    await recordOps(tx, {
      kind: 'approval_made',
      operator: operator.name,
      subject: payment,
      detail: {
        approval: id,
        action,
        amount: String(seen.amountMinor),
        currency: seen.currency,
        evidence_hash: seen.hash,
        reason,
      },
    })
    return ok({ id, payment, action, evidenceHash: seen.hash, expiresAt: made.expires_at })
  })
}

export type ConsumptionRefusal =
  | 'unknown_approval'
  | 'other_action'
  | 'other_amount'
  | 'approval_used'
  | 'approval_expired'
  | 'evidence_changed'
  | 'operator_disabled'
  | 'second_approval_missing'

/** What the sender of a refused update is told, and what to do next. */
export const CONSUMPTION_REFUSALS: Readonly<Record<ConsumptionRefusal, string>> = {
  unknown_approval: 'there is no such approval for this payment: make one on the ops page',
  other_action: 'the approval is for another action than this update: make one for it on the ops page',
  other_amount: 'the approval is for another amount: make one on the ops page',
  approval_used: 'the approval was used already: make another on the ops page',
  approval_expired: 'the approval is older than 15 minutes: make another on the ops page',
  evidence_changed:
    'something has happened since the approval: look at the payment again on the ops page, and decide anew',
  operator_disabled: 'the operator who approved may no longer decide: let another one approve',
  second_approval_missing:
    'a sum of this size needs the approval of a second person: let another operator approve the same',
}

export type Consumption = { action: OpsAction; operators: string[] }

/**
 * Acts on an approval once, for a hub's local activity under the hub's role: atomic, whoever asks at the same time, and the
 * same answer again for the same `by`. What is refused is in the log.
 *
 * @param asked.actions those that the update stands for (`actionsOf`)
 * @param asked.amountMinor, asked.currency, asked.evidenceHash as `evidenceOf` says now
 * @param asked.by the update's id, which must be the payment's alone
 * @param asked.twoAboveMinor above this a second person's approval of the same decision is consumed with it
 */
export async function consumeApproval(
  sql: Query,
  asked: {
    approval: string
    payment: string
    actions: readonly OpsAction[]
    amountMinor: bigint
    currency: string
    evidenceHash: string
    by: string
    twoAboveMinor: bigint
  },
): Promise<Result<Consumption, ConsumptionRefusal>> {
  const [answer] = await sql<Answer[]>`
    select code, action, operators from consume_approval(${asked.approval}, ${asked.payment}, ${asked.actions.join(',')},
      ${asked.amountMinor}, ${asked.currency}, ${asked.evidenceHash}, ${asked.by}, ${asked.twoAboveMinor})`
  if (answer === undefined) throw new Error('consume_approval did not answer')
  return answer.code === 'ok' ? ok({ action: answer.action, operators: answer.operators.split(' ') }) : err(answer.code)
}

type Answer =
  | { code: 'ok'; action: OpsAction; operators: string }
  | { code: ConsumptionRefusal; action: OpsAction | null; operators: null }

/** `consumeApproval` as the hub acts on it: what is there now must be what was seen. */
export function makeConsume(sql: Query, twoAboveMinor: bigint) {
  return async (asked: { payment: string; update: OpsUpdate; approval: string; by: string }) => {
    const { payment, update, approval, by } = asked
    const seen = await evidenceOf(sql, payment)
    if (seen === null) return { ok: false as const, code: 'not_found', message: 'there is no such payment or refund' }
    const { hash: evidenceHash, amountMinor, currency } = seen
    const actions = actionsOf(update)
    const given = { approval, payment, actions, amountMinor, currency, evidenceHash, by, twoAboveMinor }
    const consumed = await consumeApproval(sql, given)
    return consumed.ok
      ? { ok: true as const, ...consumed.value }
      : { ok: false as const, code: consumed.error, message: CONSUMPTION_REFUSALS[consumed.error] }
  }
}
