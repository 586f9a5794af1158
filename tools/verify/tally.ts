import { z } from 'zod'

/** What reporter.ts counts in a run. */
export const RunReport = z.strictObject({
  passed: z.number().int(),
  failed: z.number().int(),
  skipped: z.number().int(),
  /** Files that failed outside their tests. */
  broken: z.array(z.string()),
  unhandledErrors: z.number().int(),
})
export type RunReport = z.infer<typeof RunReport>

type Run = {
  exitCode: number
  report: RunReport | undefined
  /** Test files that this machine cannot run. */
  leftOut: number
  /** Where it should have been able to: they fail instead of being skipped. */
  leftOutFails: boolean
}

type Tally = {
  passed: number
  failed: number
  skipped: number
  /** Why it failed, where no failed test says so. */
  notes: string[]
  ok: boolean
}

/**
 * What a run amounts to. A test file that did not load, and an error outside
 * every test, count as one failure each: the line never reads as green when the
 * exit code is not.
 */
export function tally(run: Run): Tally {
  const { exitCode, report, leftOut, leftOutFails } = run
  if (report === undefined) {
    const notes = [`the run stopped before it had results (exit code ${exitCode})`]
    return { passed: 0, failed: 1, skipped: 0, notes, ok: false }
  }
  const notes = report.broken.map((file) => `failed outside its tests: ${file}`)
  if (report.unhandledErrors > 0) notes.push(`errors outside every test: ${report.unhandledErrors}, see above`)
  const { passed } = report
  let failed = report.failed + report.broken.length + report.unhandledErrors + (leftOutFails ? leftOut : 0)
  if (failed === 0 && passed === 0) {
    notes.push('no test ran')
    failed = 1
  } else if (failed === 0 && exitCode !== 0) {
    notes.push(`no test failed, yet the run did (exit code ${exitCode}), see above`)
    failed = 1
  }
  const skipped = report.skipped + (leftOutFails ? 0 : leftOut)
  return { passed, failed, skipped, notes, ok: failed === 0 && exitCode === 0 }
}

/** The last line of `npm test`, `npm run verify` and .ci/run. */
export function closingLine(result: { passed: number; failed: number; skipped: number }): string {
  const skipped = result.skipped === 0 ? '' : `, ${result.skipped} skipped`
  return `${result.passed} passed, ${result.failed} failed${skipped}`
}
