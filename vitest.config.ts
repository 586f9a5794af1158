import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { findChromium } from './tools/chromium.ts'

/**
 * One project a suffix, by what its tests need. Servers are started by the
 * global setup of the projects that have files to run, so that a pure unit run
 * starts none. Groups run one after the other: whole processes and browsers,
 * which fill the machine and mostly wait, run beside each other alone.
 */
const SERVERS = ['test/support/global-setup.ts']
const SUFFIXES = '{pg,nats,temporal,e2e,browser}'
const chromium = findChromium()

/** Those that take a minute and more begin first, so that none of them is what everybody waits for at the end. */
const LONG = [
  'tools/demo-killed',
  'e2e/rails',
  'faults/short',
  'ops/runbook',
  'e2e/kill',
  'faults/steps',
  'e2e/contract',
]

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => {
      const found = LONG.findIndex((name) => moduleId.includes(`/test/${name}.`))
      return found === -1 ? LONG.length : found
    }
    const group = ({ project: { config } }: TestSpecification): number => config.sequence.groupOrder
    // oxlint-disable-next-line unicorn/no-array-sort -- not an array's: the order Vitest has by itself
    const sorted = await super.sort(files)
    return sorted.toSorted((a, b) => group(a) - group(b) || place(a) - place(b))
  }
}

const project = (name: string, minutes: number, group: { groupOrder: number; maxWorkers: number }) => ({
  extends: true as const,
  test: {
    name,
    include: [`test/**/*.${name}.test.ts`],
    globalSetup: SERVERS,
    testTimeout: minutes * 60_000,
    hookTimeout: minutes * 60_000,
    maxWorkers: group.maxWorkers,
    sequence: { groupOrder: group.groupOrder },
  },
})

export default defineConfig({
  test: {
    pool: 'forks',
    /** A test that asserts nothing cannot fail. */
    expect: { requireAssertions: true, poll: { timeout: 10_000 } },
    teardownTimeout: 60_000,
    sequence: { sequencer: LongestFirst },
    slowTestThreshold: 5_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: [`test/**/*.${SUFFIXES}.test.ts`],
          testTimeout: 30_000,
          hookTimeout: 30_000,
          maxWorkers: 3,
          sequence: { groupOrder: 0 },
        },
      },
      project('pg', 1, { groupOrder: 1, maxWorkers: 2 }),
      project('nats', 1, { groupOrder: 1, maxWorkers: 2 }),
      project('temporal', 2, { groupOrder: 1, maxWorkers: 2 }),
      project('e2e', 5, { groupOrder: 2, maxWorkers: 3 }),
      ...(chromium === undefined ? [] : [project('browser', 3, { groupOrder: 2, maxWorkers: 3 })]),
    ],
  },
})
