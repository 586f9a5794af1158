import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { controlServer } from '../common/control.ts'
import { Door } from '../common/door.ts'
import { simLog } from '../common/log.ts'
import { portSetting, requiredSetting } from '../common/settings.ts'
import { openBook } from './book.ts'
import { Callbacks } from './callbacks.ts'
import { ClientFile, Tokens } from './client.ts'
import { controlRoutes } from './control.ts'
import { Finals } from './finals.ts'
import { Inquiries } from './inquiries.ts'
import { BASE, operatorServer } from './operator.ts'
import { Payments } from './payments.ts'

/** The mobile money operator as a process: one port, one log; a control port of its own where SIM_CONTROL_PORT names one. */
const log = simLog('gsma')
const fatal = (error: unknown): never => {
  log('fatal', { error: error instanceof Error ? error.message : String(error) })
  process.exit(1)
}
process.on('unhandledRejection', fatal)

const { env } = process
const keyFile = (name: string): string => readFileSync(join(requiredSetting(env, 'SIM_KEYS'), name), 'utf8').trim()

const client = ClientFile.parse(JSON.parse(keyFile('client.json')))
const book = await openBook(requiredSetting(env, 'SIM_DATA'), fatal)
const callbacks = new Callbacks(book, client, log)
const finals = new Finals(book, callbacks)
const host = env['SIM_HOST'] ?? '127.0.0.1'
const routes = controlRoutes(book, finals, client.account_id, () => rail.outageChanged())
const control = { routes, token: keyFile('control.token') }
const hasControlPort = env['SIM_CONTROL_PORT'] !== undefined
const rail: Door = new Door(
  operatorServer({
    book,
    client,
    tokens: new Tokens(client, book.clock),
    payments: new Payments(book, client, callbacks, finals, env['SIM_CALLBACK_URL'] ?? null),
    inquiries: new Inquiries(book, finals, BASE),
    control: hasControlPort ? null : control,
    outageChanged: () => rail.outageChanged(),
    log,
  }),
  { host, port: portSetting(env, 'SIM_PORT') },
  // Where control shares the port, calls of the API are reset one by one instead.
  hasControlPort ? { now: () => book.state.outage, clock: book.clock } : null,
)
await rail.start()
const controls = hasControlPort
  ? new Door(controlServer(routes, control.token), { host, port: portSetting(env, 'SIM_CONTROL_PORT') }, null)
  : null
await controls?.start()
callbacks.queue.schedule(book.state.callbacks.values())
finals.resume()
log('ready', { port: rail.port, control: (controls ?? rail).port, orders: book.state.payments.size })

let stopping = false
async function stop(): Promise<void> {
  if (stopping) return
  stopping = true
  log('stopping')
  finals.stop()
  callbacks.queue.stop()
  await Promise.all([rail.stop(), controls?.stop()])
  await book.close()
  process.exit(0)
}
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop())
