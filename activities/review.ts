import type { Review } from '../src/payments/index.ts'

/** Work on schedules, as Temporal calls it. */
export type ReviewActivities = { review: () => Promise<Review> }
