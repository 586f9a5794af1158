import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { expect } from 'vitest'

const ROOT = join(import.meta.dirname, '../../..')

export type Said = { exit: number | string; out: string; err: string }

/** `npm run ops -- <args>` as the process it is, with this environment and none of ours, and `input` on standard input. */
export function runOps(args: readonly string[], env: Record<string, string>, input = ''): Promise<Said> {
  const path = { PATH: process.env['PATH'] ?? '', NODE_COMPILE_CACHE: join(ROOT, '.cache', 'compile') }
  return new Promise((resolve) => {
    const main = join(ROOT, 'src/ops/cli.ts')
    const child = execFile(
      process.execPath,
      [main, ...args],
      { cwd: ROOT, env: { ...path, ...env } },
      (error, out, err) => resolve({ exit: error === null ? 0 : (error.code ?? 'killed'), out, err }),
    )
    child.stdin?.end(input)
  })
}

/** For an expectation: a text that has these words. */
export const saying = (words: string): unknown => expect.stringContaining(words)
