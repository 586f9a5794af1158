/**
 * What an operator may approve of a payment, and by which update of its workflow it is done
 * (payments.md, Ops). An approval is bound to one payment, one of these, an amount and the evidence seen.
 */
export const OPERATOR_UPDATES = ['resolve', 'cancel', 'inquireNow', 'approve'] as const
export type OperatorUpdate = (typeof OPERATOR_UPDATES)[number]

export const APPROVED_ACTIONS = {
  /** The rail did what it was asked for. */
  resolve_settled: 'resolve',
  /** It did not, and never will. */
  resolve_not_moved: 'resolve',
  cancel: 'cancel',
  inquire_now: 'inquireNow',
  /** Money that came after the end is given back as its recovery proposes. */
  approve_recovery: 'approve',
} as const satisfies Record<string, OperatorUpdate>
export type ApprovedAction = keyof typeof APPROVED_ACTIONS

/** The facts an operator decides on, as text that is the same wherever it is made: its hash binds the approval. */
export function evidenceText(facts: {
  payment: string
  status: string
  reference: string | null
  step: string | null
  state: string | null
  evidence: unknown
}): string {
  const { payment, status, reference, step, state, evidence } = facts
  return JSON.stringify([payment, status, reference, step, state, evidence])
}
