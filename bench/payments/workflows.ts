import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow'
import type { NaiveActivities, NaivePayment } from './naive-steps.ts'

const { nothing } = proxyLocalActivities<{ nothing: () => Promise<void> }>({ startToCloseTimeout: '10 seconds' })

/** What a payment costs in Temporal alone: three local activities that do nothing. */
export async function bare(): Promise<void> {
  await nothing()
  await nothing()
  await nothing()
}

const naiveSteps = proxyActivities<NaiveActivities>({ startToCloseTimeout: '30 seconds' })

/** A payment as a tutorial would write it: each step an activity through the server, retried by default. */
export async function naive(payment: NaivePayment): Promise<void> {
  await naiveSteps.reserve(payment)
  const railReference = await naiveSteps.charge(payment)
  await naiveSteps.settle(payment, railReference)
}
