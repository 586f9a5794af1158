import { proxyActivities, setCurrentDetails } from '@temporalio/workflow'
import type { ReviewActivities } from '../activities/review.ts'

const { review: look } = proxyActivities<ReviewActivities>({
  startToCloseTimeout: '60 seconds',
  retry: { maximumAttempts: 3 },
})

/** What waits too long at a rail is called to operators' attention; run by its schedule, or by hand from Temporal's UI. */
export async function review(): Promise<Awaited<ReturnType<ReviewActivities['review']>>> {
  const found = await look()
  const lines = found.waiting.map(
    ({ rail, state, count, oldestS }) => `${rail}: ${count} ${state}, oldest ${oldestS} s`,
  )
  setCurrentDetails(lines.length === 0 ? 'Nothing waits at a rail.' : lines.join('\n\n'))
  return found
}
