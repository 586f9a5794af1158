import { mkdtempSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Say } from '../paths.ts'
import { lastLines, run } from '../process/run.ts'
import type { Recipe } from './recipe.ts'

const PROGRESS_EVERY_MS = 15_000
/** Go from 1.21 on fetches the toolchain a module asks for by itself. */
const SELF_UPGRADING_GO = [1, 21] as const

/** `go1.26.8` → [1, 26]; undefined for anything else. */
export function goVersion(text: string): [number, number] | undefined {
  const match = /^go(\d+)\.(\d+)/.exec(text.trim())
  return match === null ? undefined : [Number(match[1]), Number(match[2])]
}

/** Builds the pinned source with Go and puts the executable at `target`.
 * @returns why it could not, or undefined where it is there */
export async function build(recipe: Recipe, target: string, say: Say): Promise<string | undefined> {
  const found = await run('go', ['env', 'GOVERSION'])
  if (found.code !== 0) return 'no Go on PATH'
  const version = goVersion(found.output)
  if (version === undefined || version[0] !== SELF_UPGRADING_GO[0] || version[1] < SELF_UPGRADING_GO[1]) {
    return `Go on PATH is too old: ${found.output.trim()}, needed is ${recipe.build.minimumGo}`
  }
  say(`${recipe.title}: building from source with ${found.output.trim()}, ${recipe.build.takes}`)

  const dir = mkdtempSync(`${target}.build-`)
  const startedAt = Date.now()
  let packages = 0
  const progress = setInterval(() => {
    const seconds = Math.round((Date.now() - startedAt) / 1000)
    say(`${recipe.title}: still building, ${seconds} s, ${packages} packages so far`)
  }, PROGRESS_EVERY_MS)
  try {
    const [command = 'install', ...args] = recipe.build.goArgs(dir)
    const built = await run('go', [command, '-v', ...args], {
      ...(recipe.build.cwd === undefined ? { cwd: dir } : { cwd: recipe.build.cwd }),
      env: { ...process.env, GOBIN: dir, GOFLAGS: '-mod=readonly', CGO_ENABLED: '0' },
      onText: (text) => {
        packages += text.split('\n').length - 1
      },
    })
    if (built.code !== 0) {
      const seen = `Go ${recipe.build.minimumGo} is needed, ${found.output.trim()} is on PATH`
      return `the build failed (${seen}):\n${lastLines(built.output, 12)}`
    }
    renameSync(join(dir, recipe.binary), target)
    say(`${recipe.title}: built in ${Math.round((Date.now() - startedAt) / 1000)} s`)
    return undefined
  } finally {
    clearInterval(progress)
    rmSync(dir, { recursive: true, force: true })
  }
}
