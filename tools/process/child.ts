import { spawn } from 'node:child_process'
import { closeSync, fstatSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { Launch } from '../servers/launch.ts'
import { logTail, openLog } from './log-file.ts'

const READY_POLL_MS = 25
const TAIL_LINES = 12

export type Exit = { code: number | null; signal: NodeJS.Signals | null }

/** A started process. */
export type Child = {
  readonly pid: number
  /** Resolves when it is gone, however it went; never rejects. */
  readonly exited: Promise<Exit>
  /** Resolves when it is ready. Rejects with its last words where it ends or takes too long first. */
  untilReady(): Promise<void>
  /** Asks it to end, and ends it by force once its time is up; resolves when it is gone. */
  stop(options?: { timeoutMs?: number }): Promise<Exit>
  kill(signal: NodeJS.Signals): void
}

export function describeExit(exit: Exit): string {
  return exit.signal === null ? `exited with code ${exit.code}` : `was ended by ${exit.signal}`
}

/**
 * Starts a process in a session of its own, so that a Ctrl-C in the terminal
 * reaches only the one who supervises, which then stops them in order.
 */
export async function startChild(launch: Launch, logPath: string): Promise<Child> {
  await launch.prepare?.()
  const log = openLog(logPath)
  const logStart = fstatSync(log).size
  const child = spawn(launch.command, launch.args, {
    env: launch.env,
    detached: true,
    stdio: ['ignore', log, log],
    ...(launch.cwd === undefined ? {} : { cwd: launch.cwd }),
    ...launch.owner,
  })
  closeSync(log)
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
    child.once('error', () => resolve({ code: 127, signal: null }))
  })
  const { pid } = child
  if (pid === undefined) {
    const cause = await new Promise<Error>((resolve) => child.once('error', resolve))
    throw new Error(`${launch.name} cannot be started: ${cause.message}`)
  }

  const kill = (signal: NodeJS.Signals) => void child.kill(signal)
  return {
    pid,
    exited,
    kill,
    untilReady: () => waitUntilReady(launch, pid, exited, () => logTail(logPath, TAIL_LINES, logStart)),
    stop: async (options) => {
      kill(launch.stopSignal)
      const timeout = new AbortController()
      const timer = delay(options?.timeoutMs ?? launch.stopTimeoutMs, undefined, { signal: timeout.signal }).then(
        () => kill('SIGKILL'),
        () => {},
      )
      const exit = await exited
      timeout.abort()
      await timer
      return exit
    },
  }
}

async function waitUntilReady(launch: Launch, pid: number, exited: Promise<Exit>, tail: () => string): Promise<void> {
  const gone: Exit[] = []
  void exited.then((exit) => gone.push(exit))
  const until = Date.now() + launch.readyTimeoutMs
  for (;;) {
    if (await launch.isReady(pid)) return
    const [ended] = gone
    if (ended !== undefined)
      throw new Error(`${launch.name} ${describeExit(ended)} before it was ready\n${indent(tail())}`)
    if (Date.now() > until) {
      throw new Error(`${launch.name} was not ready within ${launch.readyTimeoutMs / 1000} s\n${indent(tail())}`)
    }
    await Promise.race([delay(READY_POLL_MS), exited])
  }
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n')
}
