import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../../../tools/paths.ts'
import type { Stack } from '../../support/stack.ts'

/** The commands of docs/runbook.md, run as they stand there against a start with other ports and data. */

const PAGE = readFileSync(join(ROOT, 'docs/runbook.md'), 'utf8')
/** The ops page's port where nothing was added to it, as the document has it. */
const OPS_PORT = 7310

/** Blocks of commands under a heading, in order. */
export function commandsOf(heading: string): string[] {
  const [, after] = PAGE.split(`\n## ${heading}\n`)
  if (after === undefined) throw new Error(`docs/runbook.md has no heading ${heading}`)
  const [section = ''] = after.split('\n## ')
  return [...section.matchAll(/```sh\n([^]*?)```/g)].map(([, commands = '']) => commands)
}

/** What they print; throws where one fails. */
export async function follow(stack: Stack, commands: string, env: Record<string, string> = {}): Promise<string> {
  const offset = Number(new URL(stack.dev().ops.url).port) - OPS_PORT
  const here = commands
    .replaceAll(/127\.0\.0\.1:(\d{4})/g, (_, port: string) => `127.0.0.1:${String(Number(port) + offset)}`)
    .replaceAll('./.data/', `${stack.dataDir}/`)
    .replaceAll(' .data/', ` ${stack.dataDir}/`)
  const path = [join(ROOT, '.cache/bin'), join(ROOT, 'node_modules/.bin'), process.env['PATH'] ?? ''].join(':')
  return new Promise((resolve, reject) => {
    const shell = { cwd: ROOT, env: { ...process.env, PATH: path, MOORING_DATA: stack.dataDir, ...env } }
    execFile('bash', ['-euo', 'pipefail', '-c', here], shell, (error, out, err) => {
      if (error === null) resolve(out)
      else reject(new Error(`${error.message}\n${out}\n${err}`))
    })
  })
}
