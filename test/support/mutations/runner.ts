/**
 * Breaks the product in each listed way in a copy of the tree, and runs the tests that must notice. Before that the
 * same tests must pass on the copy as it is: one that fails anyway notices nothing.
 *
 *   --only <words>   those whose name has these words
 *   --list           names them and ends
 *   --why            says also what the noticing test found
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { ROOT } from '../../../tools/paths.ts'
import { commandLine } from '../../../tools/command-line.ts'
import { interruptRuns, lastLines, run } from '../../../tools/process/run.ts'
import { giving } from '../given-postgres.ts'
import { type PostgresAddress, startPostgres, type TestServer } from '../servers.ts'
import { type Mutation, mutatedFiles } from './mutation.ts'

const TIMEOUT_MS = 600_000
const TAIL_LINES = 40
const SHARED = ['node_modules', '.cache']
/** What a test says where the broken product made no database for it (test/support/run-servers.ts): nothing was tried. */
const NOT_TRIED = /the migrations do not apply/
/** Where the product's Postgres is set up. A mutation of that needs one of its own; all others share one. */
const SETS_UP = 'tools/servers/'
const NEEDS_POSTGRES = /\.(pg|nats|temporal)\.test\.ts$/

const USAGE = `npm run mutate -- [options], npm run mutate:ledger -- [options]
  --only <text>   those with this in their name
  --list          names them and their tests, and ends
  --why           shows the end of what each test said`

/** `atOnce`: how many are tried at the same time, each in a copy of its own. Ends the process with 0 only if every one was noticed. */
export async function runMutations(mutations: readonly Mutation[], { atOnce = 1 } = {}): Promise<void> {
  const options = {
    only: { type: 'string', default: '' },
    list: { type: 'boolean' },
    why: { type: 'boolean' },
  } as const
  const values = commandLine(USAGE, (args) => parseArgs({ args, options }).values)
  const chosen = mutations.filter(({ name }) => name.includes(values.only))
  if (values.list === true) {
    for (const { name, tests } of chosen) console.log(`${name}  (${tests.join(', ')})`)
    return
  }
  process.exitCode = 1
  if (chosen.length === 0) {
    console.log(`no mutation has "${values.only}" in its name`)
    return
  }
  const startedAt = performance.now()
  const copies = Array.from({ length: Math.min(atOnce, chosen.length) }, () =>
    mkdtempSync(join(tmpdir(), 'mooring-mutation-')),
  )
  let stopped = false
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      stopped = true
      interruptRuns()
    })
  }
  let postgres: TestServer<PostgresAddress> | undefined
  try {
    await Promise.all(copies.map(copyTree))
    const shares = chosen.some(({ tests }) => tests.some((test) => NEEDS_POSTGRES.test(test)))
    if (shares) postgres = await startPostgres()
    if (!(await isSound(copies[0] ?? '', chosen, postgres)) || stopped) return
    const left = [...chosen]
    let noticed = 0
    const work = async (copy: string): Promise<void> => {
      for (let mutation = left.shift(); mutation !== undefined; mutation = left.shift()) {
        const tried = await tryOut(copy, mutation, postgres)
        if (stopped) return
        console.log(tried.line)
        if (values.why === true && tried.why !== undefined) console.log(tried.why)
        if (!tried.noticed && tried.output !== undefined) console.log(tried.output)
        if (tried.noticed) noticed += 1
      }
    }
    await Promise.all(copies.map(work))
    const minutes = Math.ceil((performance.now() - startedAt) / 60_000)
    console.log(`${String(noticed)} of ${String(chosen.length)} noticed, in ${String(minutes)} min`)
    process.exitCode = noticed === chosen.length ? 0 : 1
  } finally {
    await postgres?.stop()
    for (const copy of copies) rmSync(copy, { recursive: true, force: true })
  }
}

/** Whether the tests pass on the copy as it is; says which do not. */
async function isSound(
  copy: string,
  chosen: readonly Mutation[],
  postgres: PostgresAddress | undefined,
): Promise<boolean> {
  const all = [...new Set(chosen.flatMap(({ tests }) => tests))].toSorted()
  const { tests, output } = await failuresOf(copy, all, { postgres })
  for (const { name, why } of tests) console.log(`fails without any mutation: ${name}\n${why}`)
  if (output !== undefined) console.log(output)
  return tests.length === 0 && output === undefined
}

type Tried = { noticed: boolean; line: string; why?: string; output?: string }

async function tryOut(copy: string, mutation: Mutation, postgres: PostgresAddress | undefined): Promise<Tried> {
  const startedAt = performance.now()
  const { tests, output } = await failuresUnder(copy, mutation, postgres)
  const seconds = Math.round((performance.now() - startedAt) / 1_000)
  const [first] = tests
  const found = first === undefined ? 'SURVIVED' : `noticed by "${first.name}"`
  return {
    noticed: first !== undefined,
    line: `${mutation.name}: ${found} (${String(seconds)} s)`,
    ...(first === undefined ? {} : { why: first.why.replaceAll(/^/gm, '    ') }),
    ...(output === undefined ? {} : { output }),
  }
}

type Failures = {
  tests: { name: string; why: string }[]
  /** The end of what the run said, where it failed outside its tests. */
  output?: string
}

/** What fails on the copy while it is broken so; it is whole again afterwards. */
async function failuresUnder(copy: string, mutation: Mutation, shared: PostgresAddress | undefined): Promise<Failures> {
  const broken = mutatedFiles(copy, mutation)
  const postgres = [...broken.keys()].some((file) => file.startsWith(SETS_UP)) ? undefined : shared
  const sound = new Map([...broken.keys()].map((file) => [file, readFileSync(join(copy, file), 'utf8')]))
  try {
    for (const [file, text] of broken) writeFileSync(join(copy, file), text)
    return await failuresOf(copy, mutation.tests, { postgres, more: ['--bail=1'] })
  } finally {
    for (const [file, text] of sound) writeFileSync(join(copy, file), text)
  }
}

const Report = z.object({
  testResults: z.array(
    z.object({
      assertionResults: z.array(
        z.object({ title: z.string(), status: z.string(), failureMessages: z.array(z.string()).nullish() }),
      ),
    }),
  ),
})

async function failuresOf(
  copy: string,
  tests: readonly string[],
  { postgres, more = [] }: { postgres: PostgresAddress | undefined; more?: readonly string[] },
): Promise<Failures> {
  const report = join(copy, 'mutation-report.json')
  rmSync(report, { force: true })
  const vitest = join('node_modules', 'vitest', 'vitest.mjs')
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  const { code, output } = await run(process.execPath, [vitest, 'run', ...reporters, ...more, ...tests], {
    cwd: copy,
    env: { ...process.env, NO_COLOR: '1', ...(postgres === undefined ? {} : giving(postgres)) },
    timeoutMs: TIMEOUT_MS,
  })
  const failed = failedIn(report)
  return failed.length === 0 && code !== 0 ? { tests: [], output: lastLines(output, TAIL_LINES) } : { tests: failed }
}

/** The tests that failed, and not for want of a database. */
function failedIn(report: string): Failures['tests'] {
  let text: string
  try {
    text = readFileSync(report, 'utf8')
  } catch {
    return [] // Vitest ended before it had one.
  }
  return Report.parse(JSON.parse(text)).testResults.flatMap(({ assertionResults }) =>
    assertionResults.flatMap(({ title, status, failureMessages }) => {
      const why = failureMessages?.join('\n') ?? ''
      return status === 'failed' && !NOT_TRIED.test(why) ? [{ name: title, why }] : []
    }),
  )
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
