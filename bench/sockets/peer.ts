import { spawn } from 'node:child_process'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { ROOT } from '../../tools/paths.ts'
import { freePorts } from '../../tools/process/ports.ts'
import { answersOk } from '../../tools/process/probe.ts'
import { nodeEnv } from '../../tools/servers/launch.ts'
import { nodeForUws } from '../../tools/servers/newer-glibc.ts'
import type { Dialect } from './load-messages.ts'
import { Usage } from './probe.ts'

/** A process that takes sockets: a bare transport, Socket.IO, or an edge of ours as it is in production. */
export const PEERS = ['ws', 'uws', 'socket-io', 'ours-ws', 'ours-uws'] as const
export type PeerName = (typeof PEERS)[number]

export type Peer = {
  name: PeerName
  dialect: Dialect
  port: number
  /** Where an edge of ours tells its metrics. */
  privatePort: number
  pid: number
  usage(): Promise<Usage>
  /** The same after garbage was collected. */
  memory(): Promise<Usage>
  stop(): Promise<void>
}

const READY_MS = 30_000
const PROBE = new URL('probe.ts', import.meta.url).href

export async function startPeer(
  name: PeerName,
  place: { natsUrl: string; keysDir: string; nodeFlags: readonly string[] },
  processName = `bench-${name}`,
): Promise<Peer> {
  const ours = name.startsWith('ours-')
  const transport = name.endsWith('uws') ? 'uws' : 'ws'
  const node = name.endsWith('uws') ? await nodeForUws(() => {}) : { command: process.execPath, args: [] }
  const [port = 0, privatePort = 0] = await freePorts(2)
  const main = ours ? join(ROOT, 'src/proc/edge.ts') : fileURLToPath(new URL(`peers/${name}.ts`, import.meta.url))
  const child = spawn(node.command, [...node.args, '--expose-gc', ...place.nodeFlags, '--import', PROBE, main], {
    cwd: ROOT,
    env: {
      ...nodeEnv(),
      NATS_URL: place.natsUrl,
      MOORING_ENV: 'test',
      MOORING_PROCESS: processName,
      MOORING_PORT: String(port),
      MOORING_PRIVATE_PORT: String(privatePort),
      MOORING_KEYS: place.keysDir,
      MOORING_CAPS: 'off',
      MOORING_TRANSPORT: transport,
      LOG_LEVEL: 'warn',
    },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const ask = (what: string): Promise<Usage> =>
    new Promise((resolve) => {
      child.once('message', (answer) => resolve(Usage.parse(answer)))
      child.send(what)
    })
  const late = performance.now() + READY_MS
  while (!(await (ours ? answersOk(privatePort, '/readyz') : accepts(port)))) {
    if (performance.now() > late || child.exitCode !== null) throw new Error(`${name} is not ready`)
    await delay(50)
  }
  return {
    name,
    dialect: ours ? 'ours' : name === 'socket-io' ? 'socket-io' : 'bare',
    port,
    privatePort,
    pid: child.pid ?? 0,
    usage: () => ask('usage'),
    memory: () => ask('memory'),
    stop: async () => {
      // Sockets are the bench's: nobody is drained. A profile is written by the one that ends by itself, once nobody may ask it more.
      if (child.connected) child.disconnect()
      child.kill(place.nodeFlags.length > 0 ? 'SIGTERM' : 'SIGKILL')
      await exited
    },
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
