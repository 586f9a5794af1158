// Plain JavaScript: the bootstrap reads it on the system's Node before anything is installed.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/**
 * A process, told apart from any later one that is given the same pid: its
 * start time on this boot goes with the number.
 * @typedef {{ pid: number, startedAt: string }} ProcessIdentity
 */

/** @type {string | undefined} */
let bootId

/** Start time of a process that can still run; undefined for one that is gone or only waits to be reaped.
 * @param {number} pid
 * @returns {string | undefined} */
function startTime(pid) {
  if (process.platform !== 'linux') {
    try {
      const text = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim()
      return text === '' || text.startsWith('Z') ? undefined : text.replace(/^\S+\s+/, '')
    } catch {
      return undefined
    }
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // proc_pid_stat(5): the command may hold spaces and brackets; state is field 3, starttime field 22.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined
    bootId ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    return `${bootId}:${fields[19]}`
  } catch {
    return undefined
  }
}

/** @param {number} pid
 * @returns {ProcessIdentity | undefined} undefined where no such process runs */
export function identify(pid) {
  const startedAt = startTime(pid)
  return startedAt === undefined ? undefined : { pid, startedAt }
}

/** @param {ProcessIdentity} identity
 * @returns {boolean} */
export function isRunning(identity) {
  return startTime(identity.pid) === identity.startedAt
}

/** @param {string} text JSON of a ProcessIdentity, perhaps with more in it
 * @returns {ProcessIdentity | undefined} */
export function parseIdentity(text) {
  try {
    const value = JSON.parse(text)
    if (Number.isInteger(value?.pid) && typeof value?.startedAt === 'string') {
      return { pid: value.pid, startedAt: value.startedAt }
    }
  } catch {
    // half-written or foreign: nobody's
  }
  return undefined
}
