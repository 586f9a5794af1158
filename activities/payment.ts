import type { Decide, OperatorDecision, Next, Steps } from '../src/payments/index.ts'

type Input = { payment: string }

/** A payment's steps as Temporal calls them; each is a compare-and-set on Postgres and safe to run again. */
export type PaymentActivities = Record<keyof Steps, (input: Input) => Promise<Next>> & {
  decide: (input: OperatorDecision) => Promise<{ done: string }>
}

/** Steps that may follow within one activity, so that none runs without end. */
const ONWARD_MAX = 4

/**
 * An activity goes on while the next step is due at once, and answers what is not: a step that is an activity by itself
 * costs an event, two payloads and a turn of the workflow. Each still commits by itself, and one that fails is
 * run again from its first, which reads where the payment stands.
 */
export function createActivities(steps: Steps, decide: Decide): PaymentActivities {
  const onward =
    (step: keyof Steps) =>
    async ({ payment }: Input): Promise<Next> => {
      let next = await steps[step](payment)
      for (let i = 0; i < ONWARD_MAX && isDue(next); i++) next = await steps[next.step](payment)
      return next
    }
  return {
    reserve: onward('reserve'),
    dispatch: onward('dispatch'),
    confirm: onward('confirm'),
    release: onward('release'),
    hold: onward('hold'),
    look: onward('look'),
    // May take as long as the rail's deadline as it is.
    inquire: ({ payment }) => steps.inquire(payment),
    decide,
  }
}

type Due = Extract<Next, { step: 'dispatch' | 'confirm' | 'release' }>

function isDue(next: Next): next is Due {
  return next.step === 'confirm' || next.step === 'release' || (next.step === 'dispatch' && next.afterMs === 0)
}
