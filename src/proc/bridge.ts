import { randomBytes } from 'node:crypto'
import { Registry } from 'prom-client'
import { BRIDGE_LIMITS, makeBridge } from '../bridge/index.ts'
import { connectBus } from '../bus/index.ts'
import { BridgeEnv } from '../config/bridge.ts'
import { readEnv } from '../config/env.ts'
import { makeIds } from '../domain/ids.ts'
import { makeLog } from '../observe/log.ts'
import { openPrivatePort } from '../observe/private-port.ts'

const env = readEnv(BridgeEnv, process.env)
const log = makeLog({ name: env.MOORING_PROCESS, level: env.LOG_LEVEL })
const registry = new Registry()
const clock = { now: () => Date.now(), monotonic: () => performance.now() }
const ids = makeIds(clock.now, (bytes) => randomBytes(bytes))

const stopping = new AbortController()
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stopping.abort())

let listening = false
let hubUp = () => false
const privatePort = await openPrivatePort({
  port: env.MOORING_PRIVATE_PORT,
  registry,
  ready: () => listening && !stopping.signal.aborted && hubUp(),
})
const bus = await connectBus({ url: env.NATS_URL, name: env.MOORING_PROCESS })
const bridge = makeBridge({
  bus,
  clock,
  ids,
  log,
  registry,
  caps: env.MOORING_CAPS,
  proxies: env.MOORING_PROXIES,
  publicUrl: env.MOORING_PUBLIC_URL ?? null,
  origins: env.MOORING_ORIGINS,
})
hubUp = bridge.ready
const address = await bridge.app.listen({ port: env.MOORING_PORT, host: env.MOORING_HOST })
listening = true
log.info({ address }, 'bridge listens')

if (!stopping.signal.aborted) {
  await new Promise((resolve) => stopping.signal.addEventListener('abort', resolve, { once: true }))
}
log.info('bridge drains')
// Requests in flight are answered first; whoever still waits past the limit has been told to try again.
const hard = setTimeout(() => process.exit(0), BRIDGE_LIMITS.drain_timeout_ms)
await bridge.app.close()
await bus.close()
await privatePort.close()
clearTimeout(hard)
log.info('bridge stopped')
