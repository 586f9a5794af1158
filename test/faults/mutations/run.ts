/**
 * `npm run mutate [-- --only <words>]`: breaks the product in each listed way in
 * a copy of the tree, and runs the test that must notice. Ends with 0 only if
 * every one was noticed.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { ROOT } from '../../../tools/paths.ts'
import { lastLines, run } from '../../../tools/process/run.ts'
import { mutated } from './apply.ts'
import { MUTATIONS, type Mutation } from './list.ts'

const TIMEOUT_MS = 600_000
const TAIL_LINES = 40
const SHARED = ['node_modules', '.cache']

const { values } = parseArgs({ options: { only: { type: 'string', default: '' } } })
const chosen = MUTATIONS.filter(({ name }) => name.includes(values.only))
let unnoticed = 0
for (const mutation of chosen) {
  const startedAt = performance.now()
  const failed = await failuresUnder(mutation)
  const seconds = Math.round((performance.now() - startedAt) / 1000)
  console.log(`${failed.length > 0 ? 'noticed  ' : 'UNNOTICED'}  ${mutation.name}  (${mutation.test}, ${seconds} s)`)
  for (const line of failed) console.log(`             ${line}`)
  if (failed.length === 0) unnoticed += 1
}
console.log(`${chosen.length - unnoticed} of ${chosen.length} noticed`)
process.exitCode = unnoticed === 0 ? 0 : 1

/** The tests that failed on the broken copy. */
async function failuresUnder({ edits, test }: Mutation): Promise<string[]> {
  const dir = mkdtempSync(join(tmpdir(), 'mooring-mutation-'))
  try {
    await copyTree(dir)
    for (const edit of edits) {
      const path = join(dir, edit.file)
      writeFileSync(path, mutated(readFileSync(path, 'utf8'), edit))
    }
    const vitest = join('node_modules', 'vitest', 'vitest.mjs')
    // The result keeps only the end of what was said, and the failures come first.
    let output = ''
    const { code } = await run(process.execPath, [vitest, 'run', test], {
      cwd: dir,
      env: { ...process.env, NO_COLOR: '1' },
      timeoutMs: TIMEOUT_MS,
      onText: (text) => {
        output += text
      },
    })
    const failed = output.split('\n').flatMap((line) => (/^\s*×\s/.test(line) ? [line.trim()] : []))
    // Broken before any test ran: that proves nothing.
    if (failed.length === 0 && code !== 0) console.log(lastLines(output, TAIL_LINES))
    return failed
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

/** What is under version control or about to be, as it is now. */
async function copyTree(to: string): Promise<void> {
  let names = ''
  const onText = (text: string) => {
    names += text
  }
  await run('git', ['ls-files', '-co', '--exclude-standard', '-z'], { cwd: ROOT, onText })
  for (const name of names.split('\0')) {
    // A tree whose shared folders are links has them among its files.
    if (name === '' || SHARED.includes(name)) continue
    mkdirSync(dirname(join(to, name)), { recursive: true })
    cpSync(join(ROOT, name), join(to, name))
  }
  for (const name of SHARED) symlinkSync(join(ROOT, name), join(to, name))
}
