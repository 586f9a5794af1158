import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { parseArgs } from 'node:util'
import { parseOptions } from '../src/proc/dev/options.ts'
import { commandLine } from './command-line.ts'
import { ROOT } from './paths.ts'
import { isRunning } from './process/identity.mjs'
import { tryLock } from './process/lock.mjs'
import { wipeOutside } from './servers/postgres/index.ts'
import { endLeftovers } from './supervisor/leftovers.ts'

/**
 * `npm run reset`: stops what runs on the data directory and wipes it, keys and
 * balances included; asks first unless `--yes` says so. Servers in .cache stay.
 */

const STOP_TIMEOUT_MS = 60_000

/** What a data directory of ours may hold; a directory with anything else in it is somebody's. */
const OURS = [
  /^(keys(\.partial)?|logs|postgres(\.password)?|nats|temporal|sim-[a-z]+)$/,
  /^(dev|processes|postgres)\.json(\.new)?$/,
  /^lock(\.|$)/,
]

const USAGE = `npm run reset -- [options]
  --yes, -y      nobody is asked
  --data <dir>   what is wiped   MOORING_DATA   .data`

const { dataDir, isAgreed } = commandLine(USAGE, (args) => {
  const options = { yes: { type: 'boolean', short: 'y', default: false }, data: { type: 'string' } } as const
  const { data, yes } = parseArgs({ args, options }).values
  return { ...parseOptions(data === undefined ? [] : ['--data', data], process.env, ROOT), isAgreed: yes }
})

async function agreed(question: string): Promise<boolean> {
  if (isAgreed) return true
  if (!process.stdin.isTTY) {
    console.error(`${question} Nobody can be asked here; npm run reset -- --yes answers it.`)
    return false
  }
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  const answer = await terminal.question(`${question} [y/N] `)
  terminal.close()
  return /^y(es)?$/i.test(answer.trim())
}

/** Takes the lock, stopping whoever has it. */
async function takeOver(): Promise<boolean> {
  const lock = await tryLock(join(dataDir, 'lock'))
  if (lock.held) return true
  if (!(await agreed(`Mooring is running on it (pid ${lock.by.pid}). Stop it?`))) return false
  process.kill(lock.by.pid, 'SIGTERM')
  const until = Date.now() + STOP_TIMEOUT_MS
  while (isRunning(lock.by)) {
    if (Date.now() > until) throw new Error(`pid ${lock.by.pid} does not stop; end it yourself and reset again`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return (await tryLock(join(dataDir, 'lock'))).held
}

async function reset(): Promise<boolean> {
  if (!existsSync(dataDir)) {
    console.log(`There is nothing at ${dataDir}.`)
    return true
  }
  const foreign = readdirSync(dataDir).filter((name) => !OURS.some((pattern) => pattern.test(name)))
  if (foreign.length > 0) {
    console.error(`${dataDir} holds what is not Mooring's (${foreign.slice(0, 5).join(', ')}); nothing is wiped.`)
    return false
  }
  if (!(await agreed(`Wipe ${dataDir} with every balance, key and log in it?`))) return false
  if (!(await takeOver())) return false
  await endLeftovers(dataDir, console.log)
  wipeOutside(dataDir)
  rmSync(dataDir, { recursive: true, force: true })
  console.log(`${dataDir} is wiped.`)
  return true
}

process.exitCode = (await reset()) ? 0 : 1
