import { Counter, type Registry } from 'prom-client'
import type { CallbackRefusal } from './callbacks.ts'

/** Counts callbacks that were refused, or were authentic and of no use, by rail and why. */
export function makeCallbackMetrics(registry: Registry): (rail: string, why: CallbackRefusal) => void {
  const refused = new Counter({
    name: 'mooring_rail_callbacks_refused_total',
    help: 'Messages of rails that were refused, or of which nothing followed',
    labelNames: ['rail', 'why'],
    registers: [registry],
  })
  return (rail, why) => refused.inc({ rail, why })
}
