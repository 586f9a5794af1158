import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { devPorts, portsInUse } from '../../src/proc/dev/ports.ts'
import { type DevJson, readDevJson, removeDevJson } from '../../tools/dev-json.ts'
import { ROOT } from '../../tools/paths.ts'
import { identify, isRunning } from '../../tools/process/identity.mjs'
import { takenPorts } from '../../tools/process/ports.ts'
import { wipeOutside } from '../../tools/servers/postgres/index.ts'
import { tempDir } from './servers.ts'

/** A whole `npm start` of a test's own: free ports, data of its own, every process real. */
export type Stack = {
  /** dev.json as it is now. */
  dev(): DevJson
  readonly dataDir: string
  /** Where failpoints are armed. */
  readonly failpointsDir: string
  /** The supervisor's pid. */
  readonly pid: number
  /** What the supervisor has printed so far. */
  output(): string
  /** A process's log so far. */
  log(name: string): string
  /** Arms a failpoint for a payment of this amount, or for any: the process dies there. */
  arm(step: string, amount?: string): void
  /** Signals a process by its name in dev.json; resolves with its pid then. */
  kill(name: string, signal?: NodeJS.Signals): number
  /** Resolves with the pid of a process once it is ready again under another one than `not`. */
  waitForPid(name: string, not: number): Promise<number>
  /** kill -9, and waits until its successor is ready. */
  killAndWait(name: string): Promise<number>
  /** Ends all of it with a signal; resolves with the supervisor's exit code. The data stay. */
  end(signal?: NodeJS.Signals): Promise<number>
  /** Starts again on the same data and ports. */
  start(): Promise<void>
  /** Ends all of it and wipes the data. */
  stop(): Promise<void>
}

export type StackOptions = {
  /** More arguments of `npm start`. */
  args?: string[]
  env?: Record<string, string | undefined>
}

const READY_TIMEOUT_MS = 120_000
const RESTART_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 90_000
const POLL_MS = 25
const ATTEMPTS = 5
/** Below the range from which systems give out ports by themselves. */
const OFFSETS = { from: 1_000, count: 23_000 }
const LARGEST = { edges: 10, hubs: 8 }
/** In that range the one port which `fetch` refuses to ask (WHATWG Fetch, bad port). */
const BAD_PORT = 10_080
const EMBEDDED = { postgres: true, nats: true, temporal: true }

async function freeOffset(): Promise<number> {
  for (;;) {
    const offset = OFFSETS.from + Math.floor(Math.random() * OFFSETS.count)
    const wanted = portsInUse(devPorts(offset), LARGEST, EMBEDDED)
    if (wanted.some(({ port }) => port === BAD_PORT)) continue
    if ((await takenPorts(wanted)).length === 0) return offset
  }
}

async function until<T>(what: string, timeoutMs: number, ask: () => T | undefined): Promise<T> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const answer = ask()
    if (answer !== undefined) return answer
    if (Date.now() > deadline) throw new Error(`${what}: not within ${timeoutMs / 1000} s`)
    await delay(POLL_MS)
  }
}

type Running = { child: ChildProcess; pid: number; output: () => string; exited: Promise<number> }

function spawnDev(dataDir: string, failpointsDir: string, offset: number, options: StackOptions): Running {
  const args = ['--data', dataDir, '--port-offset', String(offset), ...(options.args ?? [])]
  const tether = join(ROOT, 'tools', 'tether.mjs')
  const child = spawn(process.execPath, ['--import', tether, join(ROOT, 'src/proc/dev.ts'), ...args], {
    cwd: ROOT,
    // Servers of the surroundings are not a test's.
    env: {
      ...process.env,
      DATABASE_URL: undefined,
      NATS_URL: undefined,
      TEMPORAL_ADDRESS: undefined,
      MOORING_FAILPOINTS: failpointsDir,
      MOORING_TETHER_FD: '3',
      ...options.env,
    },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  }
  const exited = new Promise<number>((resolve) => child.once('close', (code) => resolve(code ?? 1)))
  if (child.pid === undefined) throw new Error('npm start cannot be spawned')
  return { child, pid: child.pid, output: () => output, exited }
}

async function untilReady(running: Running, dataDir: string): Promise<void> {
  let gone: number | undefined
  void running.exited.then((code) => {
    gone = code
  })
  await until(`npm start is ready\n${running.output()}`, READY_TIMEOUT_MS, () => {
    if (gone !== undefined) throw new Error(`npm start ended with code ${gone}\n${running.output()}`)
    return readDevJson(dataDir)
  })
}

/** Starts a stack; where another process took one of its ports meanwhile, it looks for others. */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const dir = tempDir('stack')
  const dataDir = join(dir, 'data')
  const failpointsDir = join(dir, 'failpoints')
  mkdirSync(failpointsDir)
  const wipe = () => {
    wipeOutside(dataDir)
    rmSync(dir, { recursive: true, force: true })
  }
  for (let attempt = 1; ; attempt += 1) {
    const offset = await freeOffset()
    const running = spawnDev(dataDir, failpointsDir, offset, options)
    try {
      await untilReady(running, dataDir)
      return stackOf({ running, dataDir, failpointsDir, offset, options, wipe })
    } catch (error) {
      running.child.kill('SIGTERM')
      await running.exited
      if (attempt < ATTEMPTS && running.output().includes('is taken')) continue
      wipe()
      throw error
    }
  }
}

function stackOf(parts: {
  running: Running
  dataDir: string
  failpointsDir: string
  offset: number
  options: StackOptions
  wipe: () => void
}): Stack {
  const { dataDir, failpointsDir, offset, options, wipe } = parts
  let { running } = parts
  const dev = () => {
    const now = readDevJson(dataDir)
    if (now === undefined) throw new Error(`the stack is not running\n${running.output()}`)
    return now
  }
  const pidOf = (name: string) => {
    const pid = dev().pids[name]
    if (pid === undefined) throw new Error(`no process is called ${name}: ${Object.keys(dev().pids).join(', ')}`)
    return pid
  }
  const waitForPid = (name: string, not: number) =>
    until(`${name} is ready again`, RESTART_TIMEOUT_MS, () => {
      const pid = readDevJson(dataDir)?.pids[name]
      return pid === undefined || pid === not ? undefined : pid
    })
  const kill = (name: string, signal: NodeJS.Signals = 'SIGKILL') => {
    const pid = pidOf(name)
    process.kill(pid, signal)
    return pid
  }
  const end = async (signal: NodeJS.Signals = 'SIGTERM') => {
    running.child.kill(signal)
    const timeout = new AbortController()
    const late = delay(STOP_TIMEOUT_MS, undefined, { signal: timeout.signal }).then(
      () => void running.child.kill('SIGKILL'),
      () => {},
    )
    const code = await running.exited
    timeout.abort()
    await late
    return code
  }
  return {
    dev,
    dataDir,
    failpointsDir,
    get pid() {
      return running.pid
    },
    output: () => running.output(),
    log: (name) => readFileSync(join(dataDir, 'logs', `${name}.log`), 'utf8'),
    arm: (step, amount) => {
      // Whole or not there: a process may be looking.
      const path = join(failpointsDir, step)
      writeFileSync(`${path}.new`, JSON.stringify(amount === undefined ? {} : { amount }))
      renameSync(`${path}.new`, path)
    },
    kill,
    waitForPid,
    killAndWait: (name) => waitForPid(name, kill(name)),
    end,
    start: async () => {
      // One that was killed leaves its own for a moment.
      removeDevJson(dataDir)
      running = spawnDev(dataDir, failpointsDir, offset, options)
      await untilReady(running, dataDir)
    },
    stop: async () => {
      const identity = identify(running.pid)
      if (identity !== undefined && isRunning(identity)) await end()
      wipe()
    },
  }
}
