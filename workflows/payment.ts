import { makeContinueAsNewFunc, proxyActivities, proxyLocalActivities } from '@temporalio/workflow'
import type { PaymentActivities } from '../activities/payment.ts'
import { LOCAL, PATIENT, live } from './life.ts'

/** A payment's workflow carries its id only: what it does, it reads from Postgres. */
export type PaymentInput = { payment: string }

const local = proxyLocalActivities<PaymentActivities>(LOCAL)
const patient = proxyActivities<PaymentActivities>(PATIENT)

/**
 * One payment's life after it was accepted: reserve → dispatch → confirm or
 * release. Every step answers what comes next, as Postgres has it, so a run from
 * the first step after any crash repeats nothing; an unknown outcome is inquired
 * until there is evidence, never ended by time.
 */
export function payment(input: PaymentInput): Promise<{ status: string }> {
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
