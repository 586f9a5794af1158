import { makeContinueAsNewFunc, proxyActivities, proxyLocalActivities } from '@temporalio/workflow'
import type { RefundActivities } from '../activities/refund.ts'
import { live } from './life.ts'

/** A refund's workflow carries its id only: what it does, it reads from Postgres. */
export type RefundInput = { refund: string }

/** As a payment's: ledger steps and the rail's first call, within the first workflow task. */
const local = proxyLocalActivities<RefundActivities>({
  startToCloseTimeout: '30 seconds',
  retry: { initialInterval: '100 ms', backoffCoefficient: 2, maximumInterval: '5 seconds' },
})

const patient = proxyActivities<RefundActivities>({
  startToCloseTimeout: '12 seconds',
  retry: { initialInterval: '500 ms', backoffCoefficient: 2, maximumInterval: '30 seconds' },
})

/**
 * A refund's life at its rail, once its money is held: dispatch → confirm or release, with inquiries where the outcome
 * is unknown. It never waits for anybody's turn, so it has no hold.
 */
export async function refund(input: RefundInput): Promise<{ status: string }> {
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
