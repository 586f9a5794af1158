// Plain JavaScript: the bootstrap reads it on the system's Node before anything is installed.
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { identify, isRunning, parseIdentity } from './identity.mjs'

/** @typedef {import('./identity.mjs').ProcessIdentity} ProcessIdentity */
/** @typedef {{ held: true, release: () => void } | { held: false, by: ProcessIdentity }} LockResult */

const SETTLE_MS = 30
let counter = 0

/** @param {string} path
 * @returns {string | undefined} */
function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** @param {() => void} act
 * @returns {boolean} whether it went through; false where the file was there already or no longer */
function attempt(act) {
  try {
    act()
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'EEXIST' || error.code === 'ENOENT')) return false
    throw error
  }
}

/**
 * A lock that dies with its holder: the file names a process by pid and start
 * time, so one left by kill -9, or by a machine that went down, is taken over,
 * also when the pid has since been given to something else.
 * @param {string} path
 * @returns {Promise<LockResult>}
 */
export async function tryLock(path) {
  const me = identify(process.pid)
  if (me === undefined) throw new Error('cannot tell when this process started')
  counter += 1
  const mine = JSON.stringify({ ...me, n: counter })
  const scratch = `${path}.${process.pid}.${counter}`
  mkdirSync(dirname(path), { recursive: true })
  for (;;) {
    writeFileSync(scratch, mine, { mode: 0o600 })
    const created = attempt(() => linkSync(scratch, path))
    rmSync(scratch, { force: true })
    if (created) {
      // Whoever takes over a stale file may, in a narrow race, move ours away with it: look again.
      await delay(SETTLE_MS)
      if (readIfThere(path) === mine) {
        return {
          held: true,
          release: () => {
            if (readIfThere(path) === mine) rmSync(path, { force: true })
          },
        }
      }
      continue
    }
    const text = readIfThere(path)
    if (text === undefined) continue
    const holder = parseIdentity(text)
    if (holder !== undefined && isRunning(holder)) return { held: false, by: holder }
    if (!attempt(() => renameSync(path, scratch))) continue
    // Moved a fresh lock instead of the stale one: put it back.
    if (readIfThere(scratch) !== text) attempt(() => linkSync(scratch, path))
    rmSync(scratch, { force: true })
  }
}

/**
 * Waits for the lock, calling `onWait` once if another process has it.
 * @param {string} path
 * @param {(by: ProcessIdentity) => void} onWait
 * @returns {Promise<() => void>} releases it
 */
export async function waitForLock(path, onWait) {
  let told = false
  for (;;) {
    const result = await tryLock(path)
    if (result.held) return result.release
    if (!told) onWait(result.by)
    told = true
    await delay(250)
  }
}
