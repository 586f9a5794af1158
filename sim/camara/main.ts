import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { simLog } from '../common/log.ts'
import { portSetting, requiredSetting } from '../common/settings.ts'
import { operatorServer } from './operator.ts'
import { Passwords } from './passwords.ts'
import { ClientFile, Tokens } from './tokens.ts'

/** The CAMARA operator as a process: one port, one log. */
const log = simLog('camara')
const stopped = (error: unknown): never => {
  log('fatal', { error: error instanceof Error ? error.message : String(error) })
  process.exit(1)
}
process.on('unhandledRejection', stopped)

const DRAIN_MS = 1_500
const keys = requiredSetting(process.env, 'SIM_KEYS')
const client = ClientFile.parse(JSON.parse(readFileSync(join(keys, 'client.json'), 'utf8')))
const controlToken = readFileSync(join(keys, 'control.token'), 'utf8').trim()
const passwords = await Passwords.open(requiredSetting(process.env, 'SIM_DATA'), stopped)
const server = operatorServer(passwords, new Tokens(client, passwords.clock), controlToken, log)
await new Promise<void>((resolve) => {
  server.listen(portSetting(process.env, 'SIM_PORT'), process.env['SIM_HOST'] ?? '127.0.0.1', resolve)
})
const address = server.address()
log('ready', { port: typeof address === 'object' && address !== null ? address.port : 0 })

let stopping = false
async function stop(signal: string): Promise<void> {
  if (stopping) return
  stopping = true
  log('stopping', { signal })
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  const late = setTimeout(() => server.closeAllConnections(), DRAIN_MS)
  await closed
  clearTimeout(late)
  await passwords.close()
  process.exit(0)
}
process.on('SIGTERM', () => void stop('SIGTERM'))
process.on('SIGINT', () => void stop('SIGINT'))
