import { createHash } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { run } from '../../process/run.ts'
import type { Owner } from '../launch.ts'
import type { PostgresBinaries } from './binaries.ts'

/**
 * Where a cluster's programs and files are, and whose. Postgres refuses to run
 * as root, so for root it runs as `nobody`; where nobody cannot reach them, the
 * programs are copied to, and the files kept in, a directory of their own.
 */
export type PostgresHome = { bin: string; data: string; owner: Owner | undefined }

const UNPRIVILEGED_ID = 65_534
const HomeRecord = z.object({ data: z.string() })

/** The ids of the system's `nobody`, or the number that customarily stands for it. */
export function unprivilegedOwner(passwd: string): Owner {
  const fields = passwd
    .split('\n')
    .find((line) => line.startsWith('nobody:'))
    ?.split(':')
  const uid = Number(fields?.[2])
  const gid = Number(fields?.[3])
  if (Number.isInteger(uid) && Number.isInteger(gid) && uid > 0 && gid > 0) return { uid, gid }
  return { uid: UNPRIVILEGED_ID, gid: UNPRIVILEGED_ID }
}

/** The directory outside the checkout that belongs to this data directory. */
function outsideDir(dataDir: string): string {
  const name = createHash('sha256').update(dataDir).digest('hex').slice(0, 16)
  try {
    mkdirSync('/var/lib/mooring', { recursive: true, mode: 0o711 })
    return join('/var/lib/mooring', name)
  } catch {
    return join(tmpdir(), `mooring-${name}`)
  }
}

async function mayRun(bin: string, owner: Owner): Promise<boolean> {
  return (await run(join(bin, 'postgres'), ['--version'], { ...owner, cwd: '/' })).code === 0
}

/** Whether this user, once it owns the directory, gets into it: tried, not guessed from modes. */
async function mayEnter(dir: string, owner: Owner): Promise<boolean> {
  return (await run('/bin/sh', ['-c', 'cd "$0" && test -w .', dir], { ...owner, cwd: '/' })).code === 0
}

function makeOwned(dir: string, owner: Owner): void {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  chmodSync(dir, 0o700)
  chownSync(dir, owner.uid, owner.gid)
}

function copyBinaries(root: string, outside: string): string {
  const target = join(outside, 'postgres')
  if (!existsSync(join(target, 'bin', 'postgres'))) {
    const partial = `${target}.partial`
    rmSync(partial, { recursive: true, force: true })
    cpSync(root, partial, { recursive: true, verbatimSymlinks: true })
    chmodSync(partial, 0o755)
    renameSync(partial, target)
  }
  return join(target, 'bin')
}

const recordPath = (dataDir: string): string => join(dataDir, 'postgres.json')

function recorded(dataDir: string): string | undefined {
  try {
    return HomeRecord.parse(JSON.parse(readFileSync(recordPath(dataDir), 'utf8'))).data
  } catch {
    return undefined
  }
}

/**
 * Decides it once for a data directory and keeps to it: a checkout that becomes
 * reachable later must not start over with an empty book.
 */
export async function postgresHome(dataDir: string, binaries: PostgresBinaries): Promise<PostgresHome> {
  const inside = join(dataDir, 'postgres')
  if (process.getuid?.() !== 0) {
    mkdirSync(inside, { recursive: true, mode: 0o700 })
    return { bin: binaries.bin, data: inside, owner: undefined }
  }

  const owner = unprivilegedOwner(existsSync('/etc/passwd') ? readFileSync('/etc/passwd', 'utf8') : '')
  const outside = outsideDir(dataDir)
  const openOutside = () => {
    mkdirSync(outside, { recursive: true, mode: 0o711 })
    chmodSync(outside, 0o711)
  }
  let { bin } = binaries
  if (!(await mayRun(bin, owner))) {
    if (binaries.root === undefined) throw new Error(`${bin}/postgres does not run as uid ${owner.uid}`)
    openOutside()
    bin = copyBinaries(binaries.root, outside)
  }
  let data = recorded(dataDir)
  if (data === undefined) {
    makeOwned(inside, owner)
    data = (await mayEnter(inside, owner)) ? inside : join(outside, 'data')
  }
  if (data !== inside) {
    rmSync(inside, { recursive: true, force: true })
    openOutside()
  }
  makeOwned(data, owner)
  writeFileSync(recordPath(dataDir), `${JSON.stringify({ data })}\n`, { mode: 0o600 })
  return { bin, data, owner }
}

/** Wipes what was put outside the checkout for this data directory. */
export function wipeOutside(dataDir: string): void {
  const outside = outsideDir(dataDir)
  rmSync(outside, { recursive: true, force: true })
  const data = recorded(dataDir)
  if (data !== undefined && dirname(data) !== dataDir) rmSync(data, { recursive: true, force: true })
}
