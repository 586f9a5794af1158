import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT, type Say } from '../paths.ts'
import { waitForLock } from '../process/lock.mjs'

/** All that a built page is made of. */
const SOURCES = [
  'clients/**/*',
  'src/contract/*.ts',
  'src/domain/*.ts',
  'tools/build-pages.ts',
  'tools/pages/*.ts',
  'package-lock.json',
]

const CACHE = join(ROOT, '.cache', 'pages')

/** The folder of the built pages: of just these sources, built where nobody has yet. @throws where they do not build. */
export async function builtPages(say: Say): Promise<string> {
  const sum = sourceSum()
  const dir = join(CACHE, sum)
  if (existsSync(dir)) return dir
  const release = await waitForLock(join(ROOT, '.cache', 'pages.lock'), ({ pid }) =>
    say(`pages are being built by another process (pid ${pid}); waiting`),
  )
  try {
    if (!existsSync(dir)) await build(dir, sum)
    return dir
  } finally {
    release()
  }
}

/** In a process of its own: a bundler has no place in one that lives on. */
async function build(dir: string, sum: string): Promise<void> {
  const args = [join(ROOT, 'tools/build-pages.ts'), dir, sum]
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  }
  const code = await new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(null))
    child.once('close', resolve)
  })
  if (code !== 0) throw new Error(`the pages cannot be built (code ${code ?? 'none'})\n${output}`)
}

function sourceSum(): string {
  const files = SOURCES.flatMap((pattern) => globSync(pattern, { cwd: ROOT, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
  const sum = createHash('sha256')
  for (const file of files)
    sum
      .update(`${file.slice(ROOT.length)}\0`)
      .update(readFileSync(file))
      .update('\0')
  return sum.digest('hex').slice(0, 16)
}
