import { closeSync, copyFileSync, fstatSync, ftruncateSync, openSync, readSync, statSync } from 'node:fs'

/** A log grows to this; then it is kept once as `<name>.1` and begins anew. Bytes. */
const LOG_LIMIT_BYTES = 8 * 1024 * 1024
const TAIL_BYTES = 4_096

/** Opened for appending, so that a child goes on writing in the right place after the file was cut. */
export function openLog(path: string): number {
  return openSync(path, 'a', 0o600)
}

/** Keeps a log within its limit. The child's own descriptor stays valid. */
export function boundLog(path: string): void {
  try {
    if (statSync(path).size < LOG_LIMIT_BYTES) return
    copyFileSync(path, `${path}.1`)
    const fd = openSync(path, 'r+')
    ftruncateSync(fd)
    closeSync(fd)
  } catch {
    // not there: nothing to bound
  }
}

/** The last lines of a log, from `since` bytes on. */
export function logTail(path: string, lines: number, since = 0): string {
  try {
    const fd = openSync(path, 'r')
    const { size } = fstatSync(fd)
    const start = Math.max(since > size ? 0 : since, size - TAIL_BYTES)
    const buffer = Buffer.alloc(size - start)
    readSync(fd, buffer, 0, buffer.length, start)
    closeSync(fd)
    return buffer.toString().trimEnd().split('\n').slice(-lines).join('\n')
  } catch {
    return ''
  }
}
