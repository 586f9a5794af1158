import type { Clock } from '../../domain/clock.ts'
import type { Log } from '../../observe/log.ts'
import type { CodeBook } from './book.ts'

/** Devices that wait to be noted; of more at once some are asked for a yes once more than they need. */
const WAITING_MAX = 10_000

/**
 * Notes that a payment was signed on a device, which starts anew what it may pay by code alone. Behind the reply, for all
 * that came meanwhile at once: most have no codes, and cost a share of one read. What gets lost asks the payer once more.
 */
export function makeTouches(deps: { book: CodeBook; clock: Clock; log: Log }): { note(device: string): void } {
  const waiting = new Set<string>()
  let running = false

  async function run(): Promise<void> {
    running = true
    while (waiting.size > 0) {
      const devices = [...waiting]
      waiting.clear()
      try {
        // One row a statement: a lock is never held while another is waited for.
        for (const device of await deps.book.untouched(devices)) await deps.book.touch(device, deps.clock.now())
      } catch (error) {
        deps.log.warn({ err: error }, 'signed payments were not noted for customer codes')
      }
    }
    running = false
  }

  return {
    note(device) {
      if (waiting.size >= WAITING_MAX) return
      waiting.add(device)
      if (!running) void run()
    },
  }
}
