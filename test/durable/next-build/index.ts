import { patched, proxyActivities, proxyLocalActivities } from '@temporalio/workflow'
import type { PaymentActivities } from '../../../activities/payment.ts'
import { live } from '../../../workflows/life.ts'

/** The payment workflow as a later build may have it: one more step, for payments that began with it. */
type NextActivities = PaymentActivities & { greet: () => Promise<void> }

const patient = proxyActivities<NextActivities>({ startToCloseTimeout: '12 seconds' })
const local = proxyLocalActivities<NextActivities>({ startToCloseTimeout: '30 seconds' })

export async function payment(input: { payment: string }): Promise<{ status: string }> {
  return live(
    {
      reserve: async () => {
        if (patched('greet')) await local.greet()
        return local.reserve(input)
      },
      dispatch: () => local.dispatch(input),
      confirm: () => local.confirm(input),
      release: () => local.release(input),
      hold: () => local.hold(input),
      look: () => local.look(input),
      inquire: () => patient.inquire(input),
      decide: (update, approval, by) => patient.decide({ ...input, update, approval, by }),
    },
    () => Promise.reject(new Error('no history of this test grows long')),
  )
}
