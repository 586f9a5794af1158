import { randomBytes } from 'node:crypto'
import { Registry } from 'prom-client'
import { readKeyRing } from '../codec/index.ts'
import { readEnv } from '../config/env.ts'
import { OpsEnv } from '../config/ops.ts'
import { makeIds } from '../domain/ids.ts'
import { openDatabase } from '../ledger/index.ts'
import { makeLog } from '../observe/log.ts'
import { openPrivatePort } from '../observe/private-port.ts'
import { makeOpsServer, makeLogin, OPS_LIMITS, sweepSessions } from '../ops/service/index.ts'

/** What operators see and decide, and the codec of Temporal's UI: beside the payments, in nobody's way. */

const env = readEnv(OpsEnv, process.env)
const log = makeLog({ name: env.MOORING_PROCESS, level: env.LOG_LEVEL })
const registry = new Registry()
const ring = readKeyRing(env.MOORING_KEYS, env.MOORING_ENV)
const stopping = new AbortController()
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stopping.abort())

const sql = openDatabase({
  url: env.DATABASE_URL,
  name: env.MOORING_PROCESS,
  connections: OPS_LIMITS.database_connections,
})
const ui = env.MOORING_TEMPORAL_UI
const app = makeOpsServer({
  sql,
  ids: makeIds(Date.now, randomBytes),
  log,
  ring,
  login: makeLogin(sql),
  publicUrl: new URL(env.MOORING_OPS_URL),
  temporal: { uiOrigin: ui === undefined ? null : new URL(ui).origin, namespace: env.TEMPORAL_NAMESPACE },
  twoAboveMinor: env.MOORING_OPS_TWO_ABOVE,
})
let listening = false
const privatePort = await openPrivatePort({
  port: env.MOORING_PRIVATE_PORT,
  registry,
  ready: () => listening && !stopping.signal.aborted,
})
const address = await app.listen({ port: env.MOORING_PORT, host: env.MOORING_HOST })
listening = true
log.info({ address }, 'ops listens')
const sweeping = setInterval(() => {
  sweepSessions(sql).catch((error: unknown) => log.warn({ err: error }, 'sessions could not be swept'))
}, OPS_LIMITS.sweep_every_ms)

if (!stopping.signal.aborted) {
  await new Promise((resolve) => stopping.signal.addEventListener('abort', resolve, { once: true }))
}
const hard = setTimeout(() => process.exit(0), OPS_LIMITS.drain_ms)
clearInterval(sweeping)
await app.close()
await Promise.all([sql.end({ timeout: 1 }), privatePort.close()])
clearTimeout(hard)
log.info('ops stopped')
