import { controlServer } from '../common/control.ts'
import { Door } from '../common/door.ts'
import { simLog } from '../common/log.ts'
import { portSetting, requiredSetting } from '../common/settings.ts'
import { Bank } from './bank.ts'
import { Callbacks } from './callbacks.ts'
import { controlRoutes } from './control.ts'
import { bookedFailpoint } from './failpoint.ts'
import { Finals } from './finals.ts'
import { readKeys } from './keys.ts'
import { Payments } from './payments.ts'
import { Rail } from './rail.ts'
import { Returns } from './returns.ts'
import { SIGNATURE_WINDOW_S } from './wire/signature.ts'

/** The demo bank as a process: one rail port, one control port, one log. */
const log = simLog('bank')
const stopped = (error: unknown): never => {
  log('fatal', { error: error instanceof Error ? error.message : String(error) })
  process.exit(1)
}
process.on('unhandledRejection', stopped)

const keys = readKeys(requiredSetting(process.env, 'SIM_KEYS'))
const host = process.env['SIM_HOST'] ?? '127.0.0.1'
const bank = await Bank.open(requiredSetting(process.env, 'SIM_DATA'), stopped)
const booked = bookedFailpoint(process.env['SIM_FAILPOINTS'])
const callbacks = new Callbacks(bank, requiredSetting(process.env, 'SIM_CALLBACK_URL'), keys.sign, log)
const finals = new Finals(bank, callbacks, booked)
const returns = new Returns(bank, callbacks)
const payments = new Payments(bank, callbacks, finals, returns, booked)
const rail = new Rail(bank, keys, payments, host, portSetting(process.env, 'SIM_PORT'), log)
const control = new Door(
  controlServer(controlRoutes(bank, rail, finals), keys.controlToken),
  { host, port: portSetting(process.env, 'SIM_CONTROL_PORT') },
  null,
)

const forgetting = setInterval(() => {
  // A nonce is of use while a signature made with it could still be in time; twice that is kept
  bank.state.forgetNonces(Math.floor(bank.clock.nowMs() / 1000) - 2 * SIGNATURE_WINDOW_S)
}, 60_000)

await rail.start()
await control.start()
callbacks.schedule(bank.state.callbacks.values())
finals.resume()
returns.resume()
log('ready', {
  port: rail.port,
  control: control.port,
  payments: bank.state.payments.size,
})

let stopping = false
async function stop(signal: string): Promise<void> {
  if (stopping) return
  stopping = true
  log('stopping', { signal })
  clearInterval(forgetting)
  finals.stop()
  returns.stop()
  callbacks.stop()
  await Promise.all([rail.stop(), control.stop()])
  await bank.close()
  log('stopped')
  process.exit(0)
}
process.on('SIGTERM', () => void stop('SIGTERM'))
process.on('SIGINT', () => void stop('SIGINT'))
