import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

export type EdgeMetrics = ReturnType<typeof edgeMetrics>

/** Values read when Prometheus asks. */
export type EdgeGauges = { sessions(): number; feeds(): number; queuedBytes(): number; commandsInFlight(): number }

export function edgeMetrics(registry: Registry, gauges: EdgeGauges) {
  const registers = [registry]
  const gauge = (name: string, help: string, read: () => number) => {
    const metric: Gauge = new Gauge({ name, help, registers, collect: () => metric.set(read()) })
  }
  gauge('mooring_edge_sessions', 'Open sockets', gauges.sessions)
  gauge('mooring_edge_feeds', 'Feeds heard, lingering ones included', gauges.feeds)
  gauge('mooring_edge_queue_bytes', 'Bytes queued towards clients', gauges.queuedBytes)
  gauge('mooring_edge_commands_in_flight', 'Commands waiting for the hub', gauges.commandsInFlight)
  return {
    events: new Counter({
      name: 'mooring_edge_events_pushed_total',
      help: 'Event frames handed to sockets',
      registers,
    }),
    commands: new Counter({
      name: 'mooring_edge_commands_total',
      help: 'Commands by name and outcome (ok or the error code)',
      labelNames: ['name', 'outcome'],
      registers,
    }),
    commandSeconds: new Histogram({
      name: 'mooring_edge_command_seconds',
      help: 'From a command frame to its reply, of commands the hub answered',
      buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
      registers,
    }),
    closes: new Counter({
      name: 'mooring_edge_closes_total',
      help: 'Closed sockets by code',
      labelNames: ['code'],
      registers,
    }),
  }
}
