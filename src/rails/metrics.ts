import { Counter, Histogram, type Registry } from 'prom-client'

/** What every connector counts; one metric for all rails of a process. */

const CALL_SECONDS = 'mooring_rail_call_seconds'
const CALLBACKS = 'mooring_rail_callbacks_total'

/** Seconds a call took, by what came of it. */
export function callSeconds(registry: Registry): Histogram {
  const existing = registry.getSingleMetric(CALL_SECONDS)
  if (existing instanceof Histogram) return existing
  return new Histogram({
    name: CALL_SECONDS,
    help: 'Calls to rails by outcome',
    labelNames: ['rail', 'call', 'outcome'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8],
    registers: [registry],
  })
}

/** Callbacks that were read (`verdict` read) or refused as forged, foreign or unreadable (`refused`, by the status they got). */
export function callbacksTotal(registry: Registry): Counter {
  const existing = registry.getSingleMetric(CALLBACKS)
  if (existing instanceof Counter) return existing
  return new Counter({
    name: CALLBACKS,
    help: 'Callbacks of rails by verdict',
    labelNames: ['rail', 'verdict', 'status'],
    registers: [registry],
  })
}
