import { accessSync, constants, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { CACHE_BIN, type Say } from '../paths.ts'
import { waitForLock } from '../process/lock.mjs'
import { run } from '../process/run.ts'
import { build } from './build.ts'
import { download } from './download.ts'
import type { Recipe } from './recipe.ts'

const VERSION_TIMEOUT_MS = 20_000

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Every executable of this name on PATH, in PATH's order. */
export function onPath(binary: string, path: string | undefined = process.env['PATH']): string[] {
  return (path ?? '')
    .split(delimiter)
    .filter((dir) => dir !== '')
    .map((dir) => join(dir, binary))
    .filter(isExecutable)
}

async function isGood(recipe: Recipe, path: string): Promise<boolean> {
  const { code, output } = await run(path, recipe.versionArgs, { timeoutMs: VERSION_TIMEOUT_MS })
  return code === 0 && recipe.accepts(output)
}

async function existing(recipe: Recipe): Promise<string | undefined> {
  for (const path of [...onPath(recipe.binary), join(CACHE_BIN, recipe.binary)]) {
    if (isExecutable(path) && (await isGood(recipe, path))) return path
  }
  return undefined
}

/** One build at a time: each fills the machine, and side by side both would only take longer. */
async function buildInTurn(recipe: Recipe, target: string, say: Say): Promise<string | undefined> {
  const release = await waitForLock(join(CACHE_BIN, 'build.lock'), () =>
    say(`${recipe.title}: waiting for its turn to build`),
  )
  try {
    return await build(recipe, target, say)
  } finally {
    release()
  }
}

/** What an interrupted download or build left; only the holder of the lock may say so. */
function removeUnfinished(recipe: Recipe): void {
  for (const entry of readdirSync(CACHE_BIN)) {
    if (/\.(build|download)-/.test(entry) && entry.startsWith(`${recipe.binary}.`)) {
      rmSync(join(CACHE_BIN, entry), { recursive: true, force: true })
    }
  }
}

/** A server that cannot be had: what was tried, and the ways out. */
export class ServerUnavailable extends Error {}

/**
 * The path of a server's executable: from PATH, from the cache, downloaded, or
 * built. Two processes that need it at once get it once.
 * @throws ServerUnavailable
 */
export async function acquire(recipe: Recipe, say: Say): Promise<string> {
  const found = await existing(recipe)
  if (found !== undefined) return found

  mkdirSync(CACHE_BIN, { recursive: true })
  const release = await waitForLock(join(CACHE_BIN, `${recipe.binary}.lock`), (by) =>
    say(`${recipe.title}: another process (pid ${by.pid}) is getting it; waiting`),
  )
  try {
    const meanwhile = await existing(recipe)
    if (meanwhile !== undefined) return meanwhile
    const target = join(CACHE_BIN, recipe.binary)
    removeUnfinished(recipe)
    const noRelease = await download(recipe, target, say)
    if (noRelease === undefined && (await isGood(recipe, target))) return target
    const noBuild = await buildInTurn(recipe, target, say)
    if (noBuild === undefined && (await isGood(recipe, target))) return target
    throw new ServerUnavailable(
      [
        `${recipe.title} cannot be had on this machine.`,
        `  release: ${noRelease ?? 'the downloaded program does not run here'}`,
        `  build:   ${noBuild ?? 'the built program does not run here'}`,
        'Three ways out:',
        `  1. set ${recipe.addressVariable} to the address of one that runs already`,
        `  2. put ${recipe.needs} on PATH, or at ${target}`,
        `  3. install Go ${recipe.build.minimumGo} or newer (https://go.dev/dl) and start again: it is built from pinned source`,
      ].join('\n'),
    )
  } finally {
    release()
  }
}
