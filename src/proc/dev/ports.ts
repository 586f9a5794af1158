/** Every port of a start, loopback only; `offset` is added to each. */
export type DevPorts = ReturnType<typeof devPorts>

export function devPorts(offset: number) {
  const at = (port: number) => port + offset
  return {
    edge: (index: number) => at(7100 + index),
    bridge: at(7200),
    walletPage: at(7300),
    opsPage: at(7310),
    edgePrivate: (index: number) => at(7400 + index),
    hubPrivate: (index: number) => at(7410 + index),
    nats: at(7422),
    postgres: at(7432),
    bridgePrivate: at(7440),
    relayPrivate: at(7450),
    opsPrivate: at(7455),
    pagesPrivate: at(7456),
    temporalHttp: at(7460),
    temporalMetrics: at(7461),
    bankControl: at(7501),
    camara: at(7502),
    gsma: at(7503),
    bank: at(7511),
    temporal: at(7233),
    temporalUi: at(8233),
  }
}

/** Where operators reach the ops service; the same host as Temporal's UI, so that its cookie goes there. */
export const opsUrl = (ports: DevPorts): string => `http://127.0.0.1:${ports.opsPage}`

/** Where people reach the wallet page. */
export const pagesUrl = (ports: DevPorts): string => `http://127.0.0.1:${ports.walletPage}`

/** Each port that a start of this size takes, with what it is for. */
export function portsInUse(
  ports: DevPorts,
  counts: { edges: number; hubs: number },
  embedded: { postgres: boolean; nats: boolean; temporal: boolean },
): { what: string; port: number }[] {
  const each = (count: number, what: string, port: (index: number) => number) =>
    Array.from({ length: count }, (_, index) => ({ what: `${what}-${index}`, port: port(index) }))
  return [
    ...each(counts.edges, 'edge', ports.edge),
    { what: 'bridge', port: ports.bridge },
    ...each(counts.edges, 'private port of edge', ports.edgePrivate),
    ...each(counts.hubs, 'private port of hub', ports.hubPrivate),
    { what: 'private port of bridge', port: ports.bridgePrivate },
    { what: 'private port of relay', port: ports.relayPrivate },
    { what: 'wallet page', port: ports.walletPage },
    { what: 'private port of pages', port: ports.pagesPrivate },
    { what: 'ops page', port: ports.opsPage },
    { what: 'private port of ops', port: ports.opsPrivate },
    { what: 'bank simulator', port: ports.bank },
    { what: 'control of the bank simulator', port: ports.bankControl },
    { what: 'CAMARA operator simulator', port: ports.camara },
    { what: 'mobile money simulator', port: ports.gsma },
    ...(embedded.postgres ? [{ what: 'Postgres', port: ports.postgres }] : []),
    ...(embedded.nats ? [{ what: 'NATS', port: ports.nats }] : []),
    ...(embedded.temporal
      ? [
          { what: 'Temporal', port: ports.temporal },
          { what: 'Temporal UI', port: ports.temporalUi },
          { what: "Temporal's HTTP API", port: ports.temporalHttp },
          { what: "Temporal's metrics", port: ports.temporalMetrics },
        ]
      : []),
  ]
}
