import { z } from 'zod'

/** The part of Vitest's JSON report that is counted. */
export const VitestReport = z.object({
  numPassedTests: z.number().int(),
  numFailedTests: z.number().int(),
  numPendingTests: z.number().int(),
  numTodoTests: z.number().int(),
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      assertionResults: z.array(z.object({ status: z.string() })),
    }),
  ),
})
export type VitestReport = z.infer<typeof VitestReport>

export type Tally = {
  passed: number
  failed: number
  skipped: number
  /** Why it failed, where no failed test says so. */
  notes: string[]
  ok: boolean
}

export type Run = {
  exitCode: number
  report: VitestReport | undefined
  /** Test files that this machine cannot run. */
  leftOut: number
  /** Where it should have been able to: they fail instead of being skipped. */
  leftOutFails: boolean
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
  const notes: string[] = []
  const broken = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  )
  for (const file of broken) notes.push(`failed outside its tests: ${file.name}`)
  const passed = report.numPassedTests
  let failed = report.numFailedTests + broken.length + (leftOutFails ? leftOut : 0)
  if (failed === 0 && passed === 0) {
    notes.push('no test ran')
    failed = 1
  } else if (failed === 0 && exitCode !== 0) {
    notes.push(`an error outside the tests (exit code ${exitCode}), see above`)
    failed = 1
  }
  const skipped = report.numPendingTests + report.numTodoTests + (leftOutFails ? 0 : leftOut)
  return { passed, failed, skipped, notes, ok: failed === 0 && exitCode === 0 }
}

/** The last line of `npm test`, `npm run verify` and .ci/run. */
export function closingLine(result: Pick<Tally, 'passed' | 'failed' | 'skipped'>): string {
  const skipped = result.skipped === 0 ? '' : `, ${result.skipped} skipped`
  return `${result.passed} passed, ${result.failed} failed${skipped}`
}
