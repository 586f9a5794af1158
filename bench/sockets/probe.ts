import { z } from 'zod'

/**
 * Loaded before a peer's own main, whichever that is: tells, when asked by its parent, what the process uses. Memory
 * is told after garbage was collected, so that it is what is kept (`node --expose-gc`).
 */

export const Usage = z.object({
  /** CPU of the whole process since its start, µs. */
  cpu_us: z.number(),
  /** Resident, bytes. */
  rss: z.number(),
  /** Of V8's heap what is in use, bytes. */
  heap: z.number(),
})
export type Usage = z.infer<typeof Usage>

declare const gc: ((options?: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void) | undefined

process.on('message', (asked) => {
  if (asked === 'memory') {
    // What a finaliser lets go is collected by the next.
    for (let i = 0; i < 3; i++) gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' })
  }
  const { user, system } = process.cpuUsage()
  const { rss, heapUsed } = process.memoryUsage()
  process.send?.({ cpu_us: user + system, rss, heap: heapUsed } satisfies Usage)
})
