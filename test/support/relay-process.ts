import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { ROOT } from '../../tools/paths.ts'
import { freePorts } from '../../tools/process/ports.ts'
import { until } from './until.ts'

/** A relay of a test's own: the real process. */
export type RelayProcess = {
  exit: Promise<number | null>
  alive(): boolean
  leading(): Promise<boolean>
  kill(signal: NodeJS.Signals): Promise<number | null>
}

const READY_TIMEOUT_MS = 60_000

/** Starts one, and waits until it leads or stands by. It ends with the test, however that ends. */
export async function startRelayProcess(options: {
  name: string
  natsUrl: string
  databaseUrl: string
  env?: Record<string, string>
}): Promise<RelayProcess> {
  const [port = 0] = await freePorts(1)
  const args = ['--import', join(ROOT, 'tools', 'tether.mjs'), join(ROOT, 'src/proc/relay.ts')]
  const child: ChildProcess = spawn(join(ROOT, 'node_modules/node/bin/node'), args, {
    env: {
      MOORING_ENV: 'test',
      MOORING_PROCESS: options.name,
      MOORING_PRIVATE_PORT: String(port),
      MOORING_KEYS: '/nonexistent',
      MOORING_TETHER_FD: '3',
      NATS_URL: options.natsUrl,
      DATABASE_URL: options.databaseUrl,
      LOG_LEVEL: 'warn',
      ...options.env,
    },
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
  })
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const alive = () => child.exitCode === null && child.signalCode === null
  const answers = (path: string) => fetch(`http://127.0.0.1:${port}${path}`)
  const ready = () =>
    answers('/readyz').then(
      ({ ok }) => ok,
      () => false,
    )
  await until(async () => !alive() || (await ready()), {
    timeout_ms: READY_TIMEOUT_MS,
    what: `${options.name} is ready`,
  })
  return {
    exit,
    alive,
    leading: async () => (await (await answers('/metrics')).text()).includes('\nmooring_relay_leading 1'),
    kill: (signal) => {
      child.kill(signal)
      return exit
    },
  }
}
