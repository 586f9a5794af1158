import { Counter, type Registry } from 'prom-client'
import type { Clock } from '../domain/clock.ts'
import { Buckets } from '../domain/rate.ts'
import type { Log } from '../observe/log.ts'
import type { Refused } from './callbacks.ts'

/** Lines of the log about one rail and cause: anybody may send us callbacks, and must not write our log. */
const LINES = { perSecond: 0.1, burst: 10 }
const KINDS_OF_LINES = 1_000

/**
 * Counts callbacks that were refused, or were authentic and of no use, by rail and why; of those that have a `detail`
 * some are logged.
 */
export function makeCallbackRefusals(deps: { registry: Registry; log: Log; clock: Clock }): Refused {
  const lines = new Buckets(LINES, KINDS_OF_LINES, () => deps.clock.monotonic())
  const refused = new Counter({
    name: 'mooring_rail_callbacks_refused_total',
    help: 'Messages of rails that were refused, or of which nothing followed',
    labelNames: ['rail', 'why'],
    registers: [deps.registry],
  })
  return (rail, why, detail) => {
    refused.inc({ rail, why })
    if (detail === undefined || !lines.take(`${rail}/${why}`).ok) return
    deps.log.warn({ rail, why: detail }, 'a callback was refused')
  }
}
