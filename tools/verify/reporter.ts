import { writeFileSync } from 'node:fs'
import type { Reporter, TestModule } from 'vitest/node'
import type { RunReport } from './tally.ts'

/** A Vitest reporter, after its default one: writes the run's numbers where tools/test.ts looks for them. */
export default class Counting implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const path = process.env['MOORING_TEST_REPORT']
    if (path === undefined) throw new Error('this reporter is run by tools/test.ts')
    const report: RunReport = { passed: 0, failed: 0, skipped: 0, broken: [], unhandledErrors: unhandledErrors.length }
    for (const module of modules) {
      let failedHere = 0
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if (state === 'passed') report.passed += 1
        else if (state === 'failed') failedHere += 1
        else report.skipped += 1
      }
      report.failed += failedHere
      // Its import, or a hook around its tests.
      if (failedHere === 0 && module.state() === 'failed') report.broken.push(module.relativeModuleId)
    }
    writeFileSync(path, JSON.stringify(report))
  }
}
