import { randomBytes } from 'node:crypto'
import { Registry } from 'prom-client'
import { connectBus } from '../bus/index.ts'
import { EdgeEnv } from '../config/edge.ts'
import { readEnv } from '../config/env.ts'
import { failpoints } from '../config/failpoint.ts'
import { makeIds } from '../domain/ids.ts'
import { EDGE_LIMITS, Edge, listen } from '../edge/index.ts'
import { makeLog } from '../observe/log.ts'
import { openPrivatePort } from '../observe/private-port.ts'

const env = readEnv(EdgeEnv, process.env)
const log = makeLog({ name: env.MOORING_PROCESS, level: env.LOG_LEVEL })
const failpoint = failpoints(env)
const registry = new Registry()
const clock = { now: () => Date.now(), monotonic: () => performance.now() }

let phase: 'starting' | 'serving' | 'draining' = 'starting'
let drain: (() => Promise<void>) | null = null
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    if (drain === null) process.exit(0)
    if (phase === 'serving') {
      phase = 'draining'
      void drain()
    }
  })
}

let reachesHub = () => false
const privatePort = await openPrivatePort({
  port: env.MOORING_PRIVATE_PORT,
  registry,
  ready: () => phase === 'serving' && reachesHub(),
})
const bus = await connectBus({ url: env.NATS_URL, name: env.MOORING_PROCESS })
const edge = new Edge({
  name: env.MOORING_PROCESS,
  bus,
  clock,
  ids: makeIds(clock.now, (bytes) => randomBytes(bytes)),
  nonce: () => randomBytes(32).toString('base64url'),
  limits: EDGE_LIMITS,
  log,
  registry,
  pushed: env.MOORING_FAILPOINTS === undefined ? null : (amount) => failpoint('pushed', amount),
})
const { MOORING_TLS_CERT: certFile, MOORING_TLS_KEY: keyFile } = env
const transport = await listen(env.MOORING_TRANSPORT, {
  host: env.MOORING_HOST,
  port: env.MOORING_PORT,
  origins: env.MOORING_ORIGINS,
  loopbackFree: env.MOORING_CAPS === 'off',
  isProxy: env.MOORING_PROXIES,
  limits: EDGE_LIMITS,
  tls: certFile === undefined || keyFile === undefined ? undefined : { certFile, keyFile },
  accept: (socket) => edge.accept(socket),
})
reachesHub = () => edge.reachesHub
drain = async () => {
  log.info({ sessions: edge.sessions }, 'edge draining')
  transport.stopAccepting()
  await edge.drain()
  await transport.close()
  await bus.close()
  await privatePort.close()
  log.info('edge stopped')
}
phase = 'serving'
log.info({ port: transport.port, transport: transport.kind, caps: env.MOORING_CAPS }, 'edge serving')
