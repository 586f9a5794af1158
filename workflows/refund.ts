import { makeContinueAsNewFunc, proxyActivities, proxyLocalActivities } from '@temporalio/workflow'
import type { RefundActivities } from '../activities/refund.ts'
import { LOCAL, PATIENT, live } from './life.ts'

/** A refund's workflow carries its id only: what it does, it reads from Postgres. */
export type RefundInput = { refund: string }

const local = proxyLocalActivities<RefundActivities>(LOCAL)
const patient = proxyActivities<RefundActivities>(PATIENT)

/**
 * A refund's life at its rail, once its money is held: dispatch → confirm or release, with inquiries where the outcome
 * is unknown. It never waits for anybody's turn, so it has no hold.
 */
export function refund(input: RefundInput): Promise<{ status: string }> {
  return live(
    {
      reserve: () => local.lookAtRefund(input),
      dispatch: () => local.dispatchRefund(input),
      confirm: () => local.confirmRefund(input),
      release: () => local.releaseRefund(input),
      hold: () => local.lookAtRefund(input),
      look: () => local.lookAtRefund(input),
      inquire: () => patient.inquireAboutRefund(input),
      decide: (update, approval, by) => patient.decideRefund({ ...input, update, approval, by }),
    },
    () => makeContinueAsNewFunc<typeof refund>()(input),
  )
}
