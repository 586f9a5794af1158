import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { controlServer } from '../common/control.ts'
import { Door } from '../common/door.ts'
import { simLog } from '../common/log.ts'
import { listSetting, portSetting, requiredSetting } from '../common/settings.ts'
import { Book } from './billing/book.ts'
import type { Desk } from './billing/calls.ts'
import { bookedFailpoint } from './billing/failpoint.ts'
import { Futures } from './billing/futures.ts'
import { Notices } from './billing/notices.ts'
import { LOOPBACK_HOSTS } from './billing/requests.ts'
import { controlRoutes } from './control.ts'
import { operatorServer } from './operator.ts'
import { Passwords } from './passwords.ts'
import { ClientFile, Tokens } from './tokens.ts'

/** The CAMARA operator as a process: one port (control may have another beside it), two logs, one clock. */
const log = simLog('camara')
const stopped = (error: unknown): never => {
  log('fatal', { error: error instanceof Error ? error.message : String(error) })
  process.exit(1)
}
process.on('unhandledRejection', stopped)

/** A reservation that is neither confirmed nor cancelled ends after this. */
const RESERVATION_S = 3_600

const { env } = process
const keys = requiredSetting(env, 'SIM_KEYS')
const data = requiredSetting(env, 'SIM_DATA')
const client = ClientFile.parse(JSON.parse(readFileSync(join(keys, 'client.json'), 'utf8')))
const controlToken = readFileSync(join(keys, 'control.token'), 'utf8').trim()
const passwords = await Passwords.open(data, stopped)
const book = await Book.open(data, passwords.clock, stopped)
const notices = new Notices(book, log, () => passwords.outage.untilMs)
const reservationMs = Number(env['SIM_RESERVATION_S'] ?? RESERVATION_S) * 1000
const futures = new Futures(book, notices, bookedFailpoint(env['SIM_FAILPOINTS']), reservationMs)
const desk: Desk = {
  book,
  futures,
  notices,
  settings: {
    repeatsFirstAnswer: env['SIM_REPEATS_FIRST_ANSWER'] === '1',
    httpHosts: new Set([
      ...(env['SIM_ALLOW_HTTP_LOOPBACK'] === '1' ? LOOPBACK_HOSTS : []),
      ...listSetting(env, 'SIM_ALLOW_HTTP_HOSTS'),
    ]),
  },
  beginOutage: ({ seconds, mode }) =>
    passwords.beginOutage({ untilMs: passwords.clock.nowMs() + seconds * 1000, mode }),
}
const routes = controlRoutes(passwords, desk)
const server = operatorServer({
  passwords,
  desk,
  tokens: new Tokens(client, passwords.clock),
  routes,
  controlToken,
  log,
})
const host = env['SIM_HOST'] ?? '127.0.0.1'
const hasControlPort = env['SIM_CONTROL_PORT'] !== undefined
const api = new Door(
  server,
  { host, port: portSetting(env, 'SIM_PORT') },
  // Where control shares the port, each call is reset when it has been read instead.
  hasControlPort ? { now: () => passwords.outage, clock: passwords.clock } : null,
)
passwords.onOutage = () => api.outageChanged()
await api.start()
const control = hasControlPort
  ? new Door(controlServer(routes, controlToken), { host, port: portSetting(env, 'SIM_CONTROL_PORT') }, null)
  : null
await control?.start()
futures.resume()
log('ready', {
  port: api.port,
  ...(control === null ? {} : { control: control.port }),
  payments: book.payments.size,
})

let stopping = false
async function stop(signal: string): Promise<void> {
  if (stopping) return
  stopping = true
  log('stopping', { signal })
  futures.stop()
  notices.stop()
  await Promise.all([api.stop(), control?.stop()])
  await book.close()
  await passwords.close()
  process.exit(0)
}
process.on('SIGTERM', () => void stop('SIGTERM'))
process.on('SIGINT', () => void stop('SIGINT'))
