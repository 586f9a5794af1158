import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Say } from '../paths.ts'
import { run } from '../process/run.ts'
import { releasePlatform, type Recipe } from './recipe.ts'

/** Without a way to the internet this is all the time that is lost. */
const REACH_TIMEOUT_MS = 4_000
const DOWNLOAD_TIMEOUT_MS = 300_000

/** The sum of `file` in a list of lines `<sha-256 hex>  <file>`. */
export function checksumOf(file: string, list: string): string | undefined {
  for (const line of list.split('\n')) {
    const match = /^([0-9a-f]{64})\s+\*?(.+)$/i.exec(line.trim())
    if (match?.[2] !== undefined && basename(match[2]) === file) return match[1]?.toLowerCase()
  }
  return undefined
}

function findFile(dir: string, name: string): string | undefined {
  const entry = readdirSync(dir, { withFileTypes: true, recursive: true }).find(
    (candidate) => candidate.isFile() && candidate.name === name,
  )
  return entry === undefined ? undefined : join(entry.parentPath, entry.name)
}

/** Fetches the official release, checks it against the release's checksums, and puts the executable at `target`.
 * @returns why it could not, or undefined where it is there */
export async function download(recipe: Recipe, target: string, say: Say): Promise<string | undefined> {
  const platform = releasePlatform()
  if (platform === undefined) return `no release for ${process.platform} on ${process.arch}`
  const archive = recipe.release.archive(platform)
  mkdirSync(dirname(target), { recursive: true })
  const dir = mkdtempSync(`${target}.download-`)
  try {
    const sums = await fetch(recipe.release.url(recipe.release.checksums), {
      signal: AbortSignal.timeout(REACH_TIMEOUT_MS),
    })
    if (!sums.ok) return `the release's checksums answered ${sums.status}`
    const expected = checksumOf(archive, await sums.text())
    if (expected === undefined) return `the release's checksums do not name ${archive}`

    say(`${recipe.title}: downloading ${archive}`)
    const response = await fetch(recipe.release.url(archive), { signal: AbortSignal.timeout(DOWNLOAD_TIMEOUT_MS) })
    if (!response.ok) return `the release answered ${response.status}`
    const bytes = new Uint8Array(await response.arrayBuffer())
    if (createHash('sha256').update(bytes).digest('hex') !== expected) return `${archive} does not match its checksum`

    const file = join(dir, archive)
    writeFileSync(file, bytes)
    const unpacked = await run('tar', ['-xzf', file, '-C', dir])
    const binary = findFile(dir, recipe.binary)
    if (unpacked.code !== 0 || binary === undefined) return `${archive} could not be unpacked`
    chmodSync(binary, 0o755)
    renameSync(binary, target)
    return undefined
  } catch (error) {
    return `not reachable from here (${describe(error)})`
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}
