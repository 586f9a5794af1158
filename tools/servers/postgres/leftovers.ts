import { readdirSync, readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { identify } from '../../process/identity.mjs'

/** Backends of a killed postmaster notice and leave by themselves; one that does not is ended. */
const LEAVE_BY_THEMSELVES_MS = 3_000
const AFTER_SIGNAL_MS = 5_000

/** Postgres processes of this cluster: each of them works in the data directory. Linux only; elsewhere none is seen. */
function processesOf(data: string): number[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/cwd`) === data && readlinkSync(`/proc/${pid}/exe`).endsWith('/postgres')
      } catch {
        return false
      }
    })
}

async function goneWithin(data: string, timeoutMs: number): Promise<boolean> {
  const until = Date.now() + timeoutMs
  while (processesOf(data).length > 0) {
    if (Date.now() > until) return false
    await delay(50)
  }
  return true
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // gone meanwhile
  }
}

/**
 * A cluster takes one postmaster and no child of an earlier one (they share
 * memory). What a killed postmaster left is ended, and a postmaster.pid that
 * names a process which is not this cluster's is removed.
 */
export async function clearLeftovers(dataDir: string): Promise<void> {
  const data = realpathSync(dataDir)
  if (!(await goneWithin(data, postmasterPid(data) === undefined ? LEAVE_BY_THEMSELVES_MS : 0))) {
    const postmaster = postmasterPid(data)
    if (postmaster !== undefined) {
      signal(postmaster, 'SIGINT')
      await goneWithin(data, AFTER_SIGNAL_MS)
    }
    await goneWithin(data, LEAVE_BY_THEMSELVES_MS)
    for (const pid of processesOf(data)) signal(pid, 'SIGKILL')
    if (!(await goneWithin(data, AFTER_SIGNAL_MS))) throw new Error(`Postgres processes of ${data} cannot be ended`)
  }
  if (process.platform === 'linux') rmSync(join(data, 'postmaster.pid'), { force: true })
}

/** The postmaster that runs on this data directory, if one does. */
function postmasterPid(data: string): number | undefined {
  try {
    const pid = Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0])
    return processesOf(data).includes(pid) && identify(pid) !== undefined ? pid : undefined
  } catch {
    return undefined
  }
}
