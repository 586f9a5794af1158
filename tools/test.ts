/**
 * `npm test`: Vitest over the whole suite, or over what the arguments name
 * (`npm test -- test/ledger --project pg`), then one plain closing line,
 * `N passed, N failed[, N skipped]`, as the last one. Fails on any failure, on
 * an error outside a test, and where no test ran at all.
 */
import { spawn } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { findChromium } from './chromium.ts'
import { closingLine, tally, RunReport } from './verify/tally.ts'

const ROOT = join(import.meta.dirname, '..')

/** Browser tests that this machine cannot run; Vitest leaves their project out. */
function browserTestsLeftOut(filters: readonly string[]): string[] {
  if (findChromium() !== undefined) return []
  const files = globSync('test/**/*.browser.test.ts', { cwd: ROOT })
  return filters.length === 0 ? files : files.filter((file) => filters.some((filter) => file.includes(filter)))
}

/** Runs Vitest with its usual output; resolves with its exit code and with its report, where it came to write one. */
async function runVitest(args: readonly string[]): Promise<{ exitCode: number; report: RunReport | undefined }> {
  const dir = mkdtempSync(join(tmpdir(), 'mooring-test-'))
  const path = join(dir, 'report.json')
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs')
  const reporting = ['--reporter=default', `--reporter=${join(ROOT, 'tools/verify/reporter.ts')}`]
  try {
    const env = { ...process.env, MOORING_TEST_REPORT: path }
    const child = spawn(process.execPath, [vitest, 'run', ...reporting, ...args], { cwd: ROOT, stdio: 'inherit', env })
    // Ctrl-C reaches the child by the terminal; a SIGTERM comes to us alone. Either way it ends by itself, servers first.
    process.on('SIGINT', () => {})
    process.on('SIGTERM', () => child.kill('SIGTERM'))
    const exitCode = await new Promise<number>((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', (code) => resolve(code ?? 1))
    })
    return { exitCode, report: readReport(path) }
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

function readReport(path: string): RunReport | undefined {
  try {
    return RunReport.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch (error) {
    if (error instanceof z.ZodError) throw error
    return undefined // it stopped before its tests did
  }
}

const args = process.argv.slice(2)
const leftOut = browserTestsLeftOut(args.filter((arg) => !arg.startsWith('-')))
const { exitCode, report } = await runVitest(args)
const leftOutFails = process.env['MOORING_REQUIRE_BROWSER'] === '1'
const result = tally({ exitCode, report, leftOut: leftOut.length, leftOutFails })
for (const file of leftOut) {
  console.log(
    `${leftOutFails ? 'failed' : 'skipped'}: ${file} (project browser: no Chromium at CHROMIUM_PATH or on PATH)`,
  )
}
for (const note of result.notes) console.log(note)
console.log(closingLine(result))
process.exitCode = result.ok ? 0 : 1
