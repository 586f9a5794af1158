import type { Decide, OperatorDecision, RefundNext, RefundSteps } from '../src/payments/index.ts'

type Input = { refund: string }
type Step = (input: Input) => Promise<RefundNext>

/** A refund's steps as Temporal calls them; each is a compare-and-set on Postgres and safe to run again. */
export type RefundActivities = {
  lookAtRefund: Step
  dispatchRefund: Step
  confirmRefund: Step
  releaseRefund: Step
  inquireAboutRefund: Step
  decideRefund: (input: Input & Omit<OperatorDecision, 'payment'>) => Promise<{ done: string }>
}

export function createRefundActivities(steps: RefundSteps, decide: Decide): RefundActivities {
  return {
    lookAtRefund: ({ refund }) => steps.look(refund),
    dispatchRefund: ({ refund }) => steps.dispatch(refund),
    confirmRefund: ({ refund }) => steps.confirm(refund),
    releaseRefund: ({ refund }) => steps.release(refund),
    inquireAboutRefund: ({ refund }) => steps.inquire(refund),
    decideRefund: ({ refund, ...decision }) => decide({ ...decision, payment: refund }),
  }
}
