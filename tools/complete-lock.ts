/**
 * Completes package-lock.json where a registry did not have some platform's
 * package: npm leaves such an optional package out of the lock, and `npm ci`
 * then refuses the lock everywhere. Run after adding or updating a package:
 *
 *   node_modules/.bin/node tools/complete-lock.ts
 *
 * What is added has version and platform, so that npm skips it elsewhere, and no
 * integrity, which nobody here has seen.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type LockEntry, missingFromLock, parseLock } from './verify/lock.ts'
import { ROOT } from './verify/steps.ts'

const OS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32']
const CPU = ['arm', 'arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64']
/** Names that package names use for what npm calls otherwise. */
const ALSO: Record<string, string> = {
  windows: 'win32',
  armv7: 'arm',
  ppc64le: 'ppc64',
  s390: 's390x',
  x86: 'ia32',
  wasi: 'wasm32',
}

/** Platform of a package by the words of its name: `@swc/core-linux-arm-gnueabihf` is linux, arm, glibc. */
function platformOf(name: string): Pick<LockEntry, 'os' | 'cpu' | 'libc'> {
  const words = name.split(/[^a-z0-9]+/i).map((word) => ALSO[word] ?? word)
  const os = words.filter((word) => OS.includes(word))
  const cpu = words.filter((word) => CPU.includes(word))
  if (os.length + cpu.length === 0) throw new Error(`${name} is missing from package-lock.json and names no platform`)
  const libc = words.some((word) => word.startsWith('musl'))
    ? ['musl']
    : words.some((word) => word.startsWith('gnu'))
      ? ['glibc']
      : []
  return {
    ...(os.length > 0 ? { os } : {}),
    ...(cpu.length > 0 ? { cpu } : {}),
    ...(libc.length > 0 ? { libc } : {}),
  }
}

const path = join(ROOT, 'package-lock.json')
const lock = parseLock(readFileSync(path, 'utf8'))
const missing = missingFromLock(lock)
for (const { at, name, version } of missing) {
  if (!/^\d/.test(version)) throw new Error(`${name} is asked for as ${version}, which is no exact version`)
  const dev = lock.packages[at]?.dev === true
  lock.packages[`node_modules/${name}`] = { version, ...(dev ? { dev } : {}), optional: true, ...platformOf(name) }
}
const sorted = Object.fromEntries(Object.entries(lock.packages).toSorted(([a], [b]) => a.localeCompare(b, 'en')))
writeFileSync(path, `${JSON.stringify({ ...lock, packages: sorted }, null, 2)}\n`)
console.log(`package-lock.json: ${missing.length} packages of other platforms added`)
