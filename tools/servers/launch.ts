import { join } from 'node:path'
import { ROOT } from '../paths.ts'

/** How a process is started, known to be ready, and asked to stop; the same for a server and for a process of ours. */
export type Launch = {
  /** Its name in dev.json, logs and messages: `hub-0`. */
  name: string
  command: string
  args: string[]
  env: Record<string, string>
  cwd?: string
  /** Another user's ids, where it must not run as this one. */
  owner?: Owner
  /** What asks it to finish its work and end. */
  stopSignal: 'SIGTERM' | 'SIGINT'
  /** Time it gets for that before SIGKILL, ms. */
  stopTimeoutMs: number
  /** Time it gets from start to ready, ms. */
  readyTimeoutMs: number
  /** Before every start: what a killed predecessor left behind is cleared. */
  prepare?: () => Promise<void>
  /** Whether the process with this pid is ready; asked every few ms while it starts. Never throws. */
  isReady: (pid: number) => Promise<boolean>
}

/** For a process on Node: what it compiles, and strips of types, it compiles once for all of them and all starts. */
export function nodeEnv(): Record<string, string> {
  return { ...baseEnv(), NODE_COMPILE_CACHE: join(ROOT, '.cache', 'compile') }
}

export type Owner = { uid: number; gid: number }

const PASSED_ON = ['PATH', 'HOME', 'TMPDIR', 'TZ', 'LANG', 'NODE_EXTRA_CA_CERTS']

/** The few variables of ours that a child needs; nothing else of the environment reaches it. */
export function baseEnv(): Record<string, string> {
  return Object.fromEntries(
    PASSED_ON.flatMap((name) => {
      const value = process.env[name]
      return value === undefined ? [] : [[name, value]]
    }),
  )
}
