import { z } from 'zod'
import { People } from '../../../bench/sockets/people.ts'

/** What a process of the storm's phones is told, and what it says. */

export const Given = z.object({
  people: People,
  /** Numbers of its people. */
  from: z.number(),
  to: z.number(),
  edges: z.array(z.string()),
  bridge: z.string(),
  /** A loopback address of its own, and so a range of ports of its own. */
  address: z.string(),
})
export type Given = z.infer<typeof Given>

export const PhoneSaid = z.object({
  /** Number of the person. */
  n: z.number(),
  /** Sessions it has had. */
  sessions: z.number(),
  /** Where its session is now: a place in the list of edges; null where it has none. */
  edge: z.number().nullable(),
  /** When its last session came to be ready, ms since the epoch. */
  readyAt: z.number(),
  /** Ids of events, in the order in which its program was given them. */
  heard: z.array(z.string()),
})

export const Report = z.object({
  phones: z.array(PhoneSaid),
  /** What no program should ever see. */
  faults: z.array(z.string()),
  /** Closed sockets by code, of all phones since the start. */
  closes: z.record(z.string(), z.number()),
})
export type Report = z.infer<typeof Report>
