import { Gauge, type Registry } from 'prom-client'

/** What a hub has in hand, read when it is asked for. */
export function hubGauges(
  registry: Registry,
  read: {
    commands: () => number
    units: () => { queued: number; units: number; batches: number }
    railCalls: () => number
    unstarted: () => number
    starts: { isAway: () => boolean; line: () => { waiting: number; window: number } }
  },
): void {
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(value())
      },
    })
  gauge('mooring_hub_commands_in_flight', 'Commands being answered', read.commands)
  gauge('mooring_ledger_units_waiting', 'Units waiting for a ledger connection', () => read.units().queued)
  gauge('mooring_ledger_units_total', 'Units applied', () => read.units().units)
  gauge('mooring_ledger_batches_total', 'Calls that applied them', () => read.units().batches)
  gauge('mooring_payments_unstarted', 'Accepted payments whose workflow has not begun', read.unstarted)
  gauge('mooring_starts_paused', '1 while Temporal starts nothing', () => (read.starts.isAway() ? 1 : 0))
  gauge('mooring_starts_waiting', 'Starts of workflows in line for Temporal', () => read.starts.line().waiting)
  gauge('mooring_starts_window', 'Starts that may be waited for at once', () => read.starts.line().window)
  gauge('mooring_rail_calls_in_flight', 'Rail calls being awaited', read.railCalls)
}
