import type { MandateNext, MandateSteps } from '../src/payments/index.ts'

type Input = { source: string }

/** A mandate's steps as Temporal calls them. */
export type MandateActivities = Record<'lookAtMandate' | 'askForMandate', (input: Input) => Promise<MandateNext>>

export function createMandateActivities(steps: MandateSteps): MandateActivities {
  return {
    lookAtMandate: ({ source }) => steps.look(source),
    askForMandate: ({ source }) => steps.inquire(source),
  }
}
