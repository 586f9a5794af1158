import { join } from 'node:path'
import { Registry } from 'prom-client'
import { z } from 'zod'
import { readEnv, readKeyFile } from '../config/env.ts'
import { PagesEnv } from '../config/pages.ts'
import { makeLog } from '../observe/log.ts'
import { openPrivatePort } from '../observe/private-port.ts'
import { makeDesk, makePagesServer, readSite } from '../pages/index.ts'

/** What people open in a browser. No bus, no database: files, and in a demo the desk beside the wallet. */

const env = readEnv(PagesEnv, process.env)
const log = makeLog({ name: env.MOORING_PROCESS, level: env.LOG_LEVEL })
const stopping = new AbortController()
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stopping.abort())

const app = makePagesServer({
  wallet: readSite(join(env.MOORING_PAGES, 'wallet')),
  publicUrl: new URL(env.MOORING_PAGES_URL),
  bridge: env.MOORING_BRIDGE_URL,
  edges: env.MOORING_EDGE_URLS,
  env: env.MOORING_ENV,
  currency: env.MOORING_CURRENCY,
  desk: env.MOORING_DEMO_SMS === undefined ? null : desk(env.MOORING_DEMO_SMS),
  log,
})
let listening = false
const privatePort = await openPrivatePort({
  port: env.MOORING_PRIVATE_PORT,
  registry: new Registry(),
  ready: () => listening && !stopping.signal.aborted,
})
const address = await app.listen({ port: env.MOORING_PORT, host: env.MOORING_HOST })
listening = true
log.info({ address }, 'pages listen')

if (!stopping.signal.aborted) {
  await new Promise((resolve) => stopping.signal.addEventListener('abort', resolve, { once: true }))
}
await app.close()
await privatePort.close()
log.info('pages stopped')

function desk(smsUrl: string) {
  const keys = env.MOORING_KEYS ?? ''
  const Merchants = z.tuple([z.object({ name: z.string(), secret_key: z.string() })], z.unknown())
  const [merchant] = Merchants.parse(JSON.parse(readKeyFile(keys, 'merchants.json')))
  return makeDesk({
    sms: { url: smsUrl, token: readKeyFile(keys, 'sms.token') },
    bridge: env.MOORING_BRIDGE_URL,
    currency: env.MOORING_CURRENCY,
    merchant: { name: merchant.name, secretKey: merchant.secret_key },
  })
}
