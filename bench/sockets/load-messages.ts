import { z } from 'zod'
import { People } from './people.ts'

/** What a process of phones is told, and what it says. */

/** How a peer is spoken to. */
export const DIALECTS = ['bare', 'socket-io', 'ours'] as const
export type Dialect = (typeof DIALECTS)[number]

export const Job = z.discriminatedUnion('do', [
  z.object({
    do: z.literal('open'),
    dialect: z.enum(DIALECTS),
    port: z.number(),
    /** Numbers of the people. */
    from: z.number(),
    to: z.number(),
    /** Sockets that are opening at the same time. */
    atOnce: z.number(),
    /** At most so many begun in a second; 0: as fast as it goes. */
    perSecond: z.number(),
  }),
  z.object({ do: z.literal('close'), from: z.number(), to: z.number() }),
  /** Answers what was received since the last time it was asked. */
  z.object({ do: z.literal('take') }),
])
export type Job = z.infer<typeof Job>

export const Done = z.object({
  /** Sockets that are open and, where it is ours, ready. */
  open: z.number(),
  /** Sockets that were closed by the other side since the last time, by code. */
  closed: z.record(z.string(), z.number()),
  /** Of each event: when its unit was sent (its mark) and when its frame was here, µs since the epoch. */
  received: z.array(z.tuple([z.number(), z.number()])),
})
export type Done = z.infer<typeof Done>

/** How phones of a process know who they are. */
export const Setup = z.object({ people: People, keysDir: z.string(), address: z.string() })
export type Setup = z.infer<typeof Setup>

/** µs since the epoch, by the clock that all processes of a machine share. */
export const nowUs = (): number => Math.round((performance.timeOrigin + performance.now()) * 1_000)
