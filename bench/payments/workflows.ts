import { proxyLocalActivities } from '@temporalio/workflow'

const { nothing } = proxyLocalActivities<{ nothing: () => Promise<void> }>({ startToCloseTimeout: '10 seconds' })

/** What a payment costs in Temporal alone: three local activities that do nothing. */
export async function bare(): Promise<void> {
  await nothing()
  await nothing()
  await nothing()
}
