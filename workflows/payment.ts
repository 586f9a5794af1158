import { makeContinueAsNewFunc, proxyActivities, proxyLocalActivities } from '@temporalio/workflow'
import type { PaymentActivities } from '../activities/payment.ts'
import { live } from './life.ts'

/** A payment's workflow carries its id only: what it does, it reads from Postgres. */
export type PaymentInput = { payment: string }

/** Ledger steps and the rail's first call, within the first workflow task. Compensation never gives up. */
const local = proxyLocalActivities<PaymentActivities>({
  startToCloseTimeout: '30 seconds',
  retry: { initialInterval: '100 ms', backoffCoefficient: 2, maximumInterval: '5 seconds' },
})

/** What may take long: off the happy path. */
const patient = proxyActivities<PaymentActivities>({
  // A little above the rail's deadline: one lost with its process is made again soon.
  startToCloseTimeout: '12 seconds',
  retry: { initialInterval: '500 ms', backoffCoefficient: 2, maximumInterval: '30 seconds' },
})

/**
 * One payment's life after it was accepted: reserve → dispatch → confirm or
 * release. Every step answers what comes next, as Postgres has it, so a run from
 * the first step after any crash repeats nothing; an unknown outcome is inquired
 * until there is evidence, never ended by time.
 */
export async function payment(input: PaymentInput): Promise<{ status: string }> {
  return live(
    {
      reserve: () => local.reserve(input),
      dispatch: () => local.dispatch(input),
      confirm: () => local.confirm(input),
      release: () => local.release(input),
      hold: () => local.hold(input),
      look: () => local.look(input),
      inquire: () => patient.inquire(input),
      decide: (update, approval, by) => patient.decide({ ...input, update, approval, by }),
    },
    () => makeContinueAsNewFunc<typeof payment>()(input),
  )
}
