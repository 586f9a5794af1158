import { randomBytes } from 'node:crypto'
import { Registry } from 'prom-client'
import { connectBus } from '../bus/index.ts'
import { readEnv } from '../config/env.ts'
import { failpoints } from '../config/failpoint.ts'
import { RelayEnv } from '../config/relay.ts'
import { makeLog } from '../observe/log.ts'
import { openPrivatePort } from '../observe/private-port.ts'
import { RELAY_LIMITS, Relay } from '../outbox/index.ts'

const env = readEnv(RelayEnv, process.env)
const log = makeLog({ name: env.MOORING_PROCESS, level: env.LOG_LEVEL })
const failpoint = failpoints(env)
const registry = new Registry()
const stopping = new AbortController()
let relay: Relay | null = null
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    if (relay === null) process.exit(0)
    stopping.abort()
  })
}

const privatePort = await openPrivatePort({
  port: env.MOORING_PRIVATE_PORT,
  registry,
  ready: () => relay !== null && relay.state !== 'starting' && !stopping.signal.aborted,
})
const bus = await connectBus({ url: env.NATS_URL, name: env.MOORING_PROCESS })
relay = new Relay({
  name: env.MOORING_PROCESS,
  bus,
  databaseUrl: env.DATABASE_URL,
  limits: RELAY_LIMITS,
  log,
  registry,
  failpoint: env.MOORING_FAILPOINTS === undefined ? null : failpoint,
  randomEpoch: () => randomBytes(12).toString('base64url'),
})
log.info('relay started')
await relay.run(stopping.signal)
await bus.close()
await privatePort.close()
log.info('relay stopped')
