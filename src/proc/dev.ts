import { chmodSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { devJsonPath, removeDevJson, writeDevJson } from '../../tools/dev-json.ts'
import { builtPages } from '../../tools/pages/built.ts'
import { ensureKeys } from '../../tools/keys.ts'
import { ROOT } from '../../tools/paths.ts'
import { tryLock } from '../../tools/process/lock.mjs'
import { takenPorts } from '../../tools/process/ports.ts'
import { interruptRuns } from '../../tools/process/run.ts'
import { nodeForUws } from '../../tools/servers/newer-glibc.ts'
import { endLeftovers } from '../../tools/supervisor/leftovers.ts'
import { makeSupervisor, type Stage, type Supervisor } from '../../tools/supervisor/supervisor.ts'
import { commandLine } from '../../tools/command-line.ts'
import type { Launch } from '../../tools/servers/launch.ts'
import { banner } from './dev/banner.ts'
import { devJson } from './dev/dev-json.ts'
import { parseOptions, USAGE, type DevOptions } from './dev/options.ts'
import { devPorts, portsInUse } from './dev/ports.ts'
import { startNats, startPostgres, startTemporal, type Servers } from './dev/servers.ts'
import { runSetup } from './dev/setup.ts'
import { intake, OPS_TWO_ABOVE, pages, simulators, workers, type Base } from './dev/table.ts'

/** `npm start`: everything of Mooring on one machine, kept running, and stopped in order. */

/** A terminal's Ctrl-C reaches us twice, by the group and through npm; a second one is one that comes later. */
const SAME_SIGNAL_MS = 1_000

const startedAt = Date.now()
const stopping = new AbortController()
const options = commandLine(USAGE, (args) => parseOptions(args, process.env, ROOT))
const say = (line: string): void => {
  if (!options.quiet) console.log(line)
}
// Whoever read our output may go before us.
process.stdout.on('error', () => {})
process.stderr.on('error', () => {})

// The unprivileged user of Postgres passes through; everything in it is closed on its own.
if (!existsSync(options.dataDir)) mkdirSync(options.dataDir, { recursive: true, mode: 0o711 })
const lock = await tryLock(join(options.dataDir, 'lock'))
if (!lock.held) {
  console.error(
    `Mooring is running on ${options.dataDir} already (pid ${lock.by.pid}). Stop that one, or give another --data.`,
  )
  process.exit(1)
}
process.once('exit', lock.release)

let supervisor: Supervisor | undefined
let firstSignalAt = 0
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    const now = Date.now()
    if (!stopping.signal.aborted) {
      firstSignalAt = now
      say('stopping: what is under way is finished first (once more: at once)')
      stopping.abort()
      interruptRuns()
    } else if (now - firstSignalAt > SAME_SIGNAL_MS) {
      supervisor?.kill()
    }
  })
}

const stopped = new Promise<void>((resolve) => stopping.signal.addEventListener('abort', () => resolve()))
let failure: unknown
const up = start(options).catch((error: unknown) => {
  if (!stopping.signal.aborted) failure = error
})
await Promise.race([up, stopped])
if (failure === undefined) await stopped
else console.error(`Mooring does not start: ${messageOf(failure)}`)
stopping.abort()
interruptRuns()
removeDevJson(options.dataDir)
await supervisor?.stop()
removeDevJson(options.dataDir)
say('stopped')
process.exit(failure === undefined ? 0 : 1)

async function start(chosen: DevOptions): Promise<void> {
  const { dataDir } = chosen
  removeDevJson(dataDir)
  await endLeftovers(dataDir, say)

  const ports = devPorts(chosen.portOffset)
  const external = {
    postgres: process.env['DATABASE_URL'],
    nats: process.env['NATS_URL'],
    temporal: process.env['TEMPORAL_ADDRESS'],
  }
  const embedded = {
    postgres: external.postgres === undefined,
    nats: external.nats === undefined,
    temporal: external.temporal === undefined,
  }
  const taken = await takenPorts(portsInUse(ports, chosen, embedded))
  if (taken.length > 0) {
    throw new Error([...taken, 'Free them, or shift every port: npm start -- --port-offset 1000'].join('\n'))
  }
  const keysDir = join(dataDir, 'keys')
  await ensureKeys(keysDir)
  chmodSync(keysDir, 0o700)

  /** Puts the pids of now into dev.json, once there is one. */
  let publishPids = (): void => {}
  const running = makeSupervisor({
    dataDir,
    say: (line) => console.error(line),
    onPids: () => publishPids(),
  })
  supervisor = running
  const context = { dataDir, keysDir, ports, supervisor: running, external, say }
  const startAll = async (stage: Stage, launches: Launch[]) => {
    await Promise.all(launches.map((launch) => running.start(stage, launch)))
  }
  const step = (line: string) => say(`${((Date.now() - startedAt) / 1000).toFixed(1).padStart(5)} s  ${line}`)

  const base: Base = {
    options: chosen,
    ports,
    keysDir,
    failpoints: process.env['MOORING_FAILPOINTS'],
    workflowTaskTimeoutMs: process.env['MOORING_WORKFLOW_TASK_TIMEOUT_MS'],
    express: process.env['MOORING_EXPRESS'],
    opsTwoAbove: process.env['MOORING_OPS_TWO_ABOVE'] ?? OPS_TWO_ABOVE,
    origins: process.env['MOORING_ORIGINS'],
    logLevel: process.env['LOG_LEVEL'] ?? 'info',
  }

  // Each begins as soon as what it needs is there.
  const database = startPostgres(context)
  const setup = database.then(async (url) => {
    step('Postgres is ready')
    const databaseUrl = url('mooring_owner')
    const answer = await runSetup({ dataDir, keysDir, databaseUrl, signal: stopping.signal })
    step('migrations, books and demo merchants are in place')
    return answer
  })
  const nats = startNats(context).then((address) => {
    step('NATS is ready')
    return address
  })
  const temporal = startTemporal(context).then((address) => {
    step('Temporal is ready')
    return address
  })
  const rails = startAll('rails', simulators(base))
  const servers = Promise.all([database, nats, temporal, setup, rails]).then(
    async ([databaseOf, natsOf, temporalAt]) => {
      const all: Servers = { database: databaseOf, nats: natsOf, temporal: temporalAt }
      await startAll('work', workers(base, all))
      return all
    },
  )
  const edgeNode = chosen.transport === 'uws' ? nodeForUws(say) : Promise.resolve(undefined)
  const intakeReady = Promise.all([nats, edgeNode]).then(([natsOf, node]) =>
    startAll('intake', intake(base, natsOf, node)),
  )
  const pagesReady = builtPages(say).then((built) => startAll('intake', pages(base, built)))
  const [all, answer] = await Promise.all([servers, setup, intakeReady, pagesReady])
  stopping.signal.throwIfAborted()
  const described = devJson(base, all, answer)
  publishPids = () => {
    if (!stopping.signal.aborted) writeDevJson(dataDir, { ...described, pids: running.pids() })
  }
  publishPids()
  say('')
  say(banner(described, { dataDir, caps: chosen.caps, readyInMs: Date.now() - startedAt }))
  if (chosen.quiet) console.log(`ready: ${devJsonPath(dataDir)}`)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
