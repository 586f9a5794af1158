import { mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import {
  ALL_COMMANDS,
  ALL_RAIL_CALLBACKS,
  DEVICE_REPLACED,
  FEED_STREAM,
  FEED_SUBJECTS,
  LIVE_PREFIX,
  RELAY_WAKE,
  edgeControlSubject,
} from '../../src/bus/index.ts'
import { baseEnv, type Launch } from './launch.ts'

export const NATS_ROLES = ['hub', 'edge', 'bridge', 'relay', 'ops'] as const
export type NatsRole = (typeof NATS_ROLES)[number]

export function forEachRole<T>(make: (role: NatsRole) => T): Record<NatsRole, T> {
  return { hub: make('hub'), edge: make('edge'), bridge: make('bridge'), relay: make('relay'), ops: make('ops') }
}

/** Areas of commands that come in by a phone's or a terminal's socket. */
const EDGE_AREAS = [
  'payment',
  'transfer',
  'topup',
  'withdrawal',
  'source',
  'wallet',
  'limit',
  'device',
  'pin',
  'code',
  'payee',
  'session',
  'feed',
]
const BRIDGE_AREAS = ['checkout', 'refund', 'store', 'merchant', 'identity']
const EDGE_CONTROL = 'ctl.edge.>'
const LIVE = `${LIVE_PREFIX}.>`
const MAX_STORE = '1GB'
const PROBE_TIMEOUT_MS = 500

type Permissions = { publish: string[]; subscribe: string[]; responds?: true }

/** What each role may say and hear, besides its own inbox; everything else is refused. */
const PERMISSIONS: Record<NatsRole, Permissions> = {
  hub: {
    publish: [RELAY_WAKE],
    subscribe: [ALL_COMMANDS, ALL_RAIL_CALLBACKS],
    responds: true,
  },
  // An edge tells the others which of a device's sockets is the newest, and nothing that only the relay knows.
  edge: {
    publish: [...EDGE_AREAS.map((area) => `cmd.${area}.*`), DEVICE_REPLACED],
    subscribe: [LIVE, EDGE_CONTROL, DEVICE_REPLACED],
  },
  bridge: {
    publish: [...BRIDGE_AREAS.map((area) => `cmd.${area}.*`), ALL_RAIL_CALLBACKS],
    subscribe: [],
  },
  relay: {
    publish: [
      FEED_SUBJECTS,
      // Which device was revoked.
      edgeControlSubject('all'),
      '$JS.API.INFO',
      '$JS.API.STREAM.NAMES',
      ...['CREATE', 'UPDATE', 'INFO', 'MSG.GET'].map((verb) => `$JS.API.STREAM.${verb}.${FEED_STREAM}`),
      `$JS.API.DIRECT.GET.${FEED_STREAM}`,
      `$JS.API.DIRECT.GET.${FEED_STREAM}.>`,
    ],
    subscribe: [RELAY_WAKE],
  },
  ops: {
    publish: ['$JS.API.INFO', '$JS.API.STREAM.NAMES', '$JS.API.STREAM.LIST', `$JS.API.STREAM.INFO.${FEED_STREAM}`],
    subscribe: [LIVE, 'ctl.>'],
  },
}

function user(role: NatsRole, password: string): string {
  const { publish, subscribe, responds } = PERMISSIONS[role]
  const inbox = `_INBOX.${role}.>`
  const permissions = {
    publish: { allow: publish },
    subscribe: { allow: [...subscribe, inbox] },
    ...(responds ? { allow_responses: { max: 1, expires: '1m' } } : {}),
  }
  return `    { user: ${role}, password: ${JSON.stringify(password)}, permissions: ${JSON.stringify(permissions)} }`
}

export type NatsSettings = {
  port: number
  storeDir: string
  passwords: Record<NatsRole, string>
  /** Default: loopback. */
  host?: string
  /** Where /healthz is asked over HTTP; default: nowhere. */
  monitorPort?: number
}

/** The configuration of a single server: JetStream in `storeDir`, one user a role. */
export function natsConfig(options: NatsSettings): string {
  const { monitorPort } = options
  return `# Written at every start.
host: ${options.host ?? '127.0.0.1'}
port: ${options.port}
${monitorPort === undefined ? '' : `http: ${JSON.stringify(`127.0.0.1:${monitorPort}`)}\n`}server_name: mooring-dev
max_payload: 1MB
write_deadline: "5s"
jetstream {
  store_dir: ${JSON.stringify(options.storeDir)}
  max_memory_store: 64MB
  max_file_store: ${MAX_STORE}
}
authorization {
  timeout: 2
  users: [
${NATS_ROLES.map((role) => user(role, options.passwords[role])).join('\n')}
  ]
}
`
}

export function natsUrl(role: NatsRole, password: string, port: number, host = '127.0.0.1'): string {
  return `nats://${role}:${encodeURIComponent(password)}@${host}:${port}`
}

/** The server greets with its INFO before anyone logs in; it is ready when that says JetStream is. */
function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect({ host: '127.0.0.1', port })
    const end = (ready: boolean) => {
      socket.destroy()
      resolve(ready)
    }
    socket.setTimeout(PROBE_TIMEOUT_MS, () => end(false))
    socket.once('error', () => end(false))
    socket.once('close', () => end(false))
    socket.on('data', (chunk) => {
      text += chunk.toString()
      if (text.includes('\r\n')) end(text.startsWith('INFO ') && text.includes('"jetstream":true'))
    })
  })
}

/** Writes the configuration and tells how to start it. `dir` holds the streams. */
export function natsLaunch(options: {
  binary: string
  dir: string
  port: number
  passwords: Record<NatsRole, string>
}): Launch {
  const { binary, dir, port, passwords } = options
  const config = join(dir, 'nats.conf')
  return {
    name: 'nats',
    command: binary,
    args: ['--config', config],
    env: { ...baseEnv(), GOMEMLIMIT: '128MiB' },
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 5_000,
    readyTimeoutMs: 30_000,
    prepare: () => {
      mkdirSync(dir, { recursive: true, mode: 0o700 })
      writeFileSync(config, natsConfig({ port, storeDir: join(dir, 'jetstream'), passwords }), { mode: 0o600 })
      return Promise.resolve()
    },
    isReady: () => greets(port),
  }
}
