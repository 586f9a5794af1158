import { readFileSync } from 'node:fs'
import { join } from 'node:path'
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

/** The mobile money operator as a process: one port, one log. */
const log = simLog('gsma')
const fatal = (error: unknown): never => {
  log('fatal', { error: error instanceof Error ? error.message : String(error) })
  process.exit(1)
}
process.on('unhandledRejection', fatal)

const DRAIN_MS = 1_500
const { env } = process
const keyFile = (name: string): string => readFileSync(join(requiredSetting(env, 'SIM_KEYS'), name), 'utf8').trim()

const client = ClientFile.parse(JSON.parse(keyFile('client.json')))
const book = await openBook(requiredSetting(env, 'SIM_DATA'), fatal)
const callbacks = new Callbacks(book, client, log)
const finals = new Finals(book, callbacks)
const server = operatorServer({
  book,
  client,
  tokens: new Tokens(client, book.clock),
  payments: new Payments(book, client, callbacks, finals, env['SIM_CALLBACK_URL'] ?? null),
  inquiries: new Inquiries(book, finals, BASE),
  control: { routes: controlRoutes(book, finals, client.account_id), token: keyFile('control.token') },
  log,
})
const listening = Promise.withResolvers<void>()
server.listen(portSetting(env, 'SIM_PORT'), env['SIM_HOST'] ?? '127.0.0.1', listening.resolve)
await listening.promise
callbacks.queue.schedule(book.state.callbacks.values())
finals.resume()
const bound = server.address()
log('ready', { port: bound !== null && typeof bound === 'object' ? bound.port : 0, orders: book.state.payments.size })

let stopping = false
async function stop(): Promise<void> {
  if (stopping) return
  stopping = true
  log('stopping')
  finals.stop()
  callbacks.queue.stop()
  const closed = Promise.withResolvers<void>()
  server.close(() => closed.resolve())
  server.closeIdleConnections()
  const late = setTimeout(() => server.closeAllConnections(), DRAIN_MS)
  await closed.promise
  clearTimeout(late)
  await book.close()
  process.exit(0)
}
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop())
