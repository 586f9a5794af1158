import { z } from 'zod'

/** What an outage does to callers until its end (ms since the epoch, by the simulator's clock), as journals keep it. */
export const Outage = z.object({ untilMs: z.number(), mode: z.enum(['refuse', 'hang', '500']) })
export type Outage = z.infer<typeof Outage>
