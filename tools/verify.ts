/**
 * `npm run verify`: all that CI runs. Format, lint, types, import rule, unused
 * code and duplicates, two at a time; then `npm test`. Stops at the first step
 * that fails and names the command that runs it alone.
 *
 *   npm run verify                      everything
 *   npm run verify -- --only lint       one step (repeatable); `test` is the last one's name
 *   npm run verify -- --fix             first mends what format and lint can mend
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { commandLine } from './command-line.ts'
import { closingLine } from './verify/tally.ts'
import { ROOT, STEPS, type Step } from './verify/steps.ts'

/** Static steps at a time: the machines this runs on have two cores or more. */
const AT_ONCE = 2

type Finished = { exitCode: number; output: string; seconds: number }

function runNode(args: readonly string[], stdio: 'pipe' | 'inherit'): Promise<Finished> {
  const started = performance.now()
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', stdio, stdio] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
    }
    const pass = (signal: NodeJS.Signals) => child.kill(signal)
    process.on('SIGINT', pass).on('SIGTERM', pass)
    child.once('error', reject)
    child.once('close', (code) => {
      process.off('SIGINT', pass).off('SIGTERM', pass)
      resolve({ exitCode: code ?? 1, output, seconds: (performance.now() - started) / 1000 })
    })
  })
}

const runStep = (step: Step, args: readonly string[]) =>
  runNode([join(ROOT, 'node_modules', step.script), ...args], 'pipe')

function heading(name: string, what: string, seconds?: number): void {
  const time = seconds === undefined ? '' : `  ${seconds.toFixed(1)} s`
  console.log(`\n── ${name} (${what})${time}`)
}

/** Runs the steps two at a time, tells of them in order, and resolves with the first that failed. */
async function check(steps: readonly Step[]): Promise<Step | undefined> {
  const running: Promise<Finished>[] = []
  const start = (index: number) => {
    const step = steps[index]
    if (step !== undefined) running[index] = runStep(step, step.args)
  }
  for (let index = 0; index < AT_ONCE; index += 1) start(index)
  for (const [index, step] of steps.entries()) {
    const finished = await running[index]
    if (finished === undefined) throw new Error(`step ${step.name} was never started`)
    heading(step.name, step.what, finished.seconds)
    if (finished.exitCode !== 0) {
      console.log(finished.output.trimEnd())
      await Promise.allSettled(running)
      return step
    }
    start(index + AT_ONCE)
  }
  return undefined
}

function rerunHint(name: string): string {
  const fix =
    STEPS.find((step) => step.name === name)?.fixArgs === undefined ? '' : ', to mend it: npm run verify -- --fix'
  return `\n${name} failed. To run it alone: npm run verify -- --only ${name}${fix}`
}

const names = [...STEPS.map((step) => step.name), 'test']

const USAGE = `npm run verify -- [options]
  --only <step>   that one alone; may be said again: ${names.join(', ')}
  --fix           first mends what can be mended`

const values = commandLine(USAGE, (args) => {
  const { only, fix } = parseArgs({
    args,
    options: { only: { type: 'string', multiple: true, default: [] }, fix: { type: 'boolean', default: false } },
  }).values
  const unknown = only.filter((name) => !names.includes(name))
  if (unknown.length > 0) throw new Error(`no such step: ${unknown.join(', ')}; there are ${names.join(', ')}`)
  return { only, fix }
})
const chosen = (name: string) => values.only.length === 0 || values.only.includes(name)

if (values.fix) {
  for (const step of STEPS) {
    if (step.fixArgs !== undefined && chosen(step.name)) {
      const mended = await runStep(step, step.fixArgs)
      heading(`${step.name} --fix`, step.what, mended.seconds)
    }
  }
}

const failed = await check(STEPS.filter((step) => chosen(step.name)))
if (failed !== undefined) {
  console.log(rerunHint(failed.name))
  if (values.only.length === 0) console.log(closingLine({ passed: 0, failed: 1, skipped: 0 }))
  process.exitCode = 1
} else if (chosen('test')) {
  heading('test', 'Vitest, every project')
  const tests = await runNode([join(ROOT, 'tools/test.ts')], 'inherit')
  process.exitCode = tests.exitCode
}
