import { join } from 'node:path'
import { ROOT } from '../../../tools/paths.ts'
import { answersOk } from '../../../tools/process/probe.ts'
import { type Launch, nodeEnv } from '../../../tools/servers/launch.ts'
import type { NodeCommand } from '../../../tools/servers/newer-glibc.ts'
import type { Stage } from '../../../tools/supervisor/supervisor.ts'
import type { DevOptions } from './options.ts'
import { opsUrl, pagesUrl, type DevPorts } from './ports.ts'
import type { Servers } from './servers.ts'

/** What `npm start` runs besides the servers, in one table: who, from which main, with which settings. */

export const CURRENCY = 'KES'
/** Minor units. */
export const PIN_ABOVE = '500000'
/** A payment by a customer's code of more than this asks for a yes on the phone, minor units. */
export const CODE_CONSENT_ABOVE = '200000'
export const LIMITS = { payment: '10000000', day: '1000000000', month: '10000000000' }
export const BANK = { id: 'demo-bank', name: 'Demo Bank' }
export const OPERATOR = 'demo-mobile'
export const MONEY = { id: 'demo-money', name: 'Demo Money' }

const READY_TIMEOUT_MS = 60_000

/** What a start was told and found out before any server. */
export type Base = {
  options: DevOptions
  ports: DevPorts
  keysDir: string
  /** Directory in which a test arms failpoints. */
  failpoints: string | undefined
  /** The hub's, ms; a test that kills hubs shortens it. */
  workflowTaskTimeoutMs: string | undefined
  /** The hub's; a bench switches the express lane on or off. */
  express: string | undefined
  opsTwoAbove: string
  /** Exact, by comma. */
  origins: string | undefined
  logLevel: string
}

/** Minor units above which a decision needs two operators, unless the environment says otherwise. */
export const OPS_TWO_ABOVE = '1000000'

type Role = 'hub' | 'edge' | 'bridge' | 'relay' | 'ops' | 'pages'

type Row = {
  name: string
  stage: Stage
  main: string
  /** Where GET /readyz is asked. */
  privatePort: number
  env: Record<string, string>
  stopTimeoutMs: number
  nodeFlags?: readonly string[]
  /** Another Node than this process's. */
  node?: NodeCommand
}

/**
 * What a hub makes of a batch lives as long as the call: in a small nursery it would be copied several times before
 * it is garbage. A sixth of the time of a hub under load. And what lives longer is a third of the second: below it the
 * whole heap would be marked every few seconds, a tenth of the time again. The memory is taken under load only.
 */
export const HUB_FLAGS = ['--max-semi-space-size=128', '--initial-old-space-size=256']

function launch(row: Row): Launch {
  return {
    name: row.name,
    command: row.node?.command ?? process.execPath,
    args: [...(row.node?.args ?? []), ...(row.nodeFlags ?? []), join(ROOT, row.main)],
    cwd: ROOT,
    env: { ...nodeEnv(), ...row.env },
    stopSignal: 'SIGTERM',
    stopTimeoutMs: row.stopTimeoutMs,
    readyTimeoutMs: READY_TIMEOUT_MS,
    isReady: () => answersOk(row.privatePort, '/readyz'),
  }
}

const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i))

/** Settings every process on the bus shares. */
function common(
  base: Base,
  nats: Servers['nats'],
  role: Exclude<Role, 'ops' | 'pages'>,
  name: string,
  privatePort: number,
) {
  return { ...ofEvery(base, role, name, privatePort), NATS_URL: nats(role) }
}

function ofEvery(base: Base, role: Role, name: string, privatePort: number) {
  return {
    MOORING_ENV: 'test',
    MOORING_PROCESS: name,
    MOORING_PRIVATE_PORT: String(privatePort),
    MOORING_KEYS: join(base.keysDir, role),
    LOG_LEVEL: base.logLevel,
    ...(base.failpoints === undefined ? {} : { MOORING_FAILPOINTS: base.failpoints }),
  }
}

export function simulators({ ports, options, keysDir, failpoints }: Base): Launch[] {
  const shared = (name: string) => ({
    SIM_DATA: join(options.dataDir, name),
    SIM_KEYS: join(keysDir, name),
    ...(failpoints === undefined ? {} : { SIM_FAILPOINTS: failpoints }),
  })
  const rows: Row[] = [
    {
      name: 'sim-bank',
      stage: 'rails',
      main: 'sim/bank/main.ts',
      privatePort: ports.bankControl,
      stopTimeoutMs: 5_000,
      env: {
        ...shared('sim-bank'),
        SIM_PORT: String(ports.bank),
        SIM_CONTROL_PORT: String(ports.bankControl),
        SIM_CALLBACK_URL: `http://127.0.0.1:${ports.bridge}/v1/rails/iso20022/callbacks`,
      },
    },
    {
      name: 'sim-camara',
      stage: 'rails',
      main: 'sim/camara/main.ts',
      privatePort: ports.camara,
      stopTimeoutMs: 5_000,
      // Events come to the bridge over loopback, where there is no TLS.
      env: { ...shared('sim-camara'), SIM_PORT: String(ports.camara), SIM_ALLOW_HTTP_LOOPBACK: '1' },
    },
    {
      name: 'sim-gsma',
      stage: 'rails',
      main: 'sim/gsma/main.ts',
      privatePort: ports.gsma,
      stopTimeoutMs: 5_000,
      env: {
        ...shared('sim-gsma'),
        SIM_PORT: String(ports.gsma),
        SIM_CALLBACK_URL: `http://127.0.0.1:${ports.bridge}/v1/rails/gsma/callbacks`,
      },
    },
  ]
  return rows.map(launch)
}

/** The demo rails, as a deployment names its own. */
function rails(ports: DevPorts) {
  return [
    { ...BANK, connector: 'iso20022', url: `https://localhost:${ports.bank}` },
    { id: OPERATOR, name: 'Demo Mobile', connector: 'camara', url: `http://127.0.0.1:${ports.camara}` },
    { ...MONEY, connector: 'gsma', url: `http://127.0.0.1:${ports.gsma}/v1.2/mm`, links_pending: true },
  ]
}

export function workers(base: Base, servers: Servers): Launch[] {
  const { options, ports, workflowTaskTimeoutMs: taskTimeout } = base
  const relay: Row = {
    name: 'relay-0',
    stage: 'work',
    main: 'src/proc/relay.ts',
    privatePort: ports.relayPrivate,
    stopTimeoutMs: 10_000,
    env: {
      ...common(base, servers.nats, 'relay', 'relay-0', ports.relayPrivate),
      DATABASE_URL: servers.database('mooring_relay'),
    },
  }
  const hubs = times(options.hubs, (index): Row => {
    const name = `hub-${index}`
    const privatePort = ports.hubPrivate(index)
    return {
      name,
      stage: 'work',
      main: 'src/proc/hub.ts',
      privatePort,
      stopTimeoutMs: 20_000,
      nodeFlags: HUB_FLAGS,
      env: {
        ...common(base, servers.nats, 'hub', name, privatePort),
        DATABASE_URL: servers.database('mooring_hub'),
        MOORING_LEDGER_SHARD: String(index),
        TEMPORAL_ADDRESS: servers.temporal.address,
        TEMPORAL_NAMESPACE: servers.temporal.namespace,
        MOORING_CURRENCY: CURRENCY,
        MOORING_PIN_ABOVE: PIN_ABOVE,
        MOORING_CODE_CONSENT_ABOVE: CODE_CONSENT_ABOVE,
        MOORING_LIMIT_PAYMENT: LIMITS.payment,
        MOORING_LIMIT_DAY: LIMITS.day,
        MOORING_LIMIT_MONTH: LIMITS.month,
        MOORING_OPS_TWO_ABOVE: base.opsTwoAbove,
        MOORING_CAPS: options.caps ? 'on' : 'off',
        MOORING_RAILS: JSON.stringify(rails(ports)),
        MOORING_CAMARA_URL: `http://127.0.0.1:${ports.camara}`,
        MOORING_PUBLIC_URL: `http://127.0.0.1:${ports.bridge}`,
        ...(base.express === undefined ? {} : { MOORING_EXPRESS: base.express }),
        ...(taskTimeout === undefined ? {} : { MOORING_WORKFLOW_TASK_TIMEOUT_MS: taskTimeout }),
      },
    }
  })
  const ops: Row = {
    name: 'ops-0',
    stage: 'work',
    main: 'src/proc/ops.ts',
    privatePort: ports.opsPrivate,
    stopTimeoutMs: 10_000,
    env: {
      ...ofEvery(base, 'ops', 'ops-0', ports.opsPrivate),
      DATABASE_URL: servers.database('mooring_ops'),
      MOORING_PORT: String(ports.opsPage),
      MOORING_OPS_URL: opsUrl(ports),
      ...(servers.temporal.ui === undefined ? {} : { MOORING_TEMPORAL_UI: servers.temporal.ui }),
      TEMPORAL_NAMESPACE: servers.temporal.namespace,
      MOORING_OPS_TWO_ABOVE: base.opsTwoAbove,
    },
  }
  return [relay, ...hubs, ops].map(launch)
}

/** @param built folder of the built pages */
export function pages(base: Base, built: string): Launch[] {
  const { ports, options } = base
  const row: Row = {
    name: 'pages-0',
    stage: 'intake',
    main: 'src/proc/pages.ts',
    privatePort: ports.pagesPrivate,
    stopTimeoutMs: 5_000,
    env: {
      ...ofEvery(base, 'pages', 'pages-0', ports.pagesPrivate),
      MOORING_PORT: String(ports.walletPage),
      MOORING_PAGES: built,
      MOORING_PAGES_URL: pagesUrl(ports),
      MOORING_BRIDGE_URL: bridgeUrl(ports),
      MOORING_EDGE_URLS: edgeUrls(ports, options).join(','),
      MOORING_CURRENCY: CURRENCY,
      MOORING_DEMO_SMS: `http://127.0.0.1:${ports.camara}/control`,
    },
  }
  return [launch(row)]
}

export const bridgeUrl = (ports: DevPorts): string => `http://127.0.0.1:${ports.bridge}/v1`

export const edgeUrls = (ports: DevPorts, { edges }: DevOptions): string[] =>
  times(edges, (index) => `ws://127.0.0.1:${ports.edge(index)}/v1/socket`)

/** Pages that may open a socket from a browser: those of this machine, and those that the start was told of. */
function origins({ ports, origins: more }: Base): string {
  return [ports.walletPage, ports.opsPage]
    .flatMap((port) => [`http://127.0.0.1:${port}`, `http://localhost:${port}`])
    .concat(more ?? [])
    .join(',')
}

/** @param edgeNode where edges need one of their own */
export function intake(base: Base, nats: Servers['nats'], edgeNode: NodeCommand | undefined): Launch[] {
  const { options, ports } = base
  const caps = options.caps ? 'on' : 'off'
  const edges = times(options.edges, (index): Row => {
    const name = `edge-${index}`
    const privatePort = ports.edgePrivate(index)
    return {
      name,
      stage: 'intake',
      main: 'src/proc/edge.ts',
      privatePort,
      // 8 s for clients to leave, 3 s for closing handshakes.
      stopTimeoutMs: 15_000,
      ...(edgeNode === undefined ? {} : { node: edgeNode }),
      env: {
        ...common(base, nats, 'edge', name, privatePort),
        MOORING_PORT: String(ports.edge(index)),
        MOORING_ORIGINS: origins(base),
        MOORING_TRANSPORT: options.transport,
        MOORING_CAPS: caps,
      },
    }
  })
  const bridge: Row = {
    name: 'bridge-0',
    stage: 'intake',
    main: 'src/proc/bridge.ts',
    privatePort: ports.bridgePrivate,
    stopTimeoutMs: 10_000,
    env: {
      ...common(base, nats, 'bridge', 'bridge-0', ports.bridgePrivate),
      MOORING_PORT: String(ports.bridge),
      MOORING_PUBLIC_URL: `http://127.0.0.1:${ports.bridge}`,
      MOORING_ORIGINS: origins(base),
      MOORING_CAPS: caps,
    },
  }
  return [bridge, ...edges].map(launch)
}
