import type { DecideRecovery, RecoveryDecision, RecoveryNext, RecoverySteps } from '../src/payments/index.ts'

type Input = { evidence: string }

/** A recovery's steps as Temporal calls them; each is a compare-and-set on Postgres and safe to run again. */
export type RecoveryActivities = {
  recover: (input: Input) => Promise<RecoveryNext>
  askAgain: (input: Input) => Promise<RecoveryNext>
  decideRecovery: (input: RecoveryDecision) => Promise<{ done: string }>
}

export function createRecoveryActivities(steps: RecoverySteps, decide: DecideRecovery): RecoveryActivities {
  return {
    recover: ({ evidence }) => steps.recover(evidence),
    askAgain: ({ evidence }) => steps.ask(evidence),
    decideRecovery: decide,
  }
}
