import type { Decide, OperatorDecision, Next, StepName, Steps } from '../src/payments/index.ts'

type Input = { payment: string }

/** A payment's steps as Temporal calls them; each is a compare-and-set on Postgres and safe to run again. */
export type PaymentActivities = Record<StepName, (input: Input) => Promise<Next>> & {
  decide: (input: OperatorDecision) => Promise<{ done: string }>
}

export function createActivities(steps: Steps, decide: Decide): PaymentActivities {
  return {
    reserve: ({ payment }) => steps.reserve(payment),
    dispatch: ({ payment }) => steps.dispatch(payment),
    confirm: ({ payment }) => steps.confirm(payment),
    release: ({ payment }) => steps.release(payment),
    hold: ({ payment }) => steps.hold(payment),
    look: ({ payment }) => steps.look(payment),
    inquire: ({ payment }) => steps.inquire(payment),
    decide,
  }
}
