// The door for every npm script. Plain JavaScript for the system's Node (20 or newer) with nothing
// installed: it installs what is missing, then runs the command on the Node 24 that came with it.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { install } from './install.mjs'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const OLDEST_NODE = 20
const PARENT_POLL_MS = 1_000
/** What a child gets, once we were killed, before it is ended by force is its own affair (tether.mjs). */
const TETHER_FD = 3

/** @type {Record<string, string>} */
const COMMANDS = {
  start: 'src/proc/dev.ts',
  test: 'tools/test.ts',
  demo: 'tools/demo.ts',
  verify: 'tools/verify.ts',
  reset: 'tools/reset.ts',
  ops: 'src/ops/cli.ts',
  faults: 'test/faults/run.ts',
  'faults:ops': 'test/faults/by-hand-run.ts',
  mutate: 'test/faults/mutations/run.ts',
  'mutate:ledger': 'test/ledger/mutations/run.ts',
  'prove:ledger': 'test/ledger/proofs/run.ts',
  bench: 'bench/run.ts',
}

/** A bench does a hub's work, with a hub's flags (src/proc/dev/table.ts).
 * @type {Record<string, string[]>} */
const NODE_FLAGS = { bench: ['--max-semi-space-size=128', '--initial-old-space-size=256'] }

/** @param {string} message
 * @returns {never} */
function fail(message) {
  console.error(`mooring: ${message}`)
  process.exit(1)
}

const [command = '', ...args] = process.argv.slice(2)
const main = COMMANDS[command]
if (main === undefined) fail(`there is no command "${command}"; known are ${Object.keys(COMMANDS).join(', ')}`)
if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
  fail(`Node ${OLDEST_NODE} or newer is needed to begin with, this is ${process.versions.node} (https://nodejs.org)`)
}
const failure = await install(ROOT)
if (failure !== undefined) fail(failure)
const node = join(ROOT, 'node_modules', 'node', 'bin', 'node')
if (!existsSync(join(ROOT, main))) fail(`"${command}" is not part of this version`)

const flags = [...(NODE_FLAGS[command] ?? []), '--import', new URL('tether.mjs', import.meta.url).href]
const child = spawn(node, [...flags, join(ROOT, main), ...args], {
  cwd: ROOT,
  env: { ...process.env, MOORING_TETHER_FD: String(TETHER_FD), NODE_COMPILE_CACHE: join(ROOT, '.cache', 'compile') },
  stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
})
child.once('error', (error) => fail(`${node} cannot be started: ${error.message}`))

// A Ctrl-C in a terminal reaches the child by itself as well; it knows how to take a signal twice.
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
  process.on(signal, () => child.kill(signal))

// npm killed by force tells nobody: what it ran for is gone, so this ends too. Not so for a script's background job.
if (process.env['npm_lifecycle_event'] === command) {
  const parent = process.ppid
  setInterval(() => {
    if (process.ppid !== parent) child.kill('SIGTERM')
  }, PARENT_POLL_MS).unref()
}

child.once('exit', (code, signal) => process.exit(code ?? 128 + (signal === null ? 1 : constants.signals[signal])))
