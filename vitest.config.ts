import { defineConfig } from 'vitest/config'
import { findChromium } from './tools/chromium.ts'

/**
 * One project a suffix, by what its tests need. Servers are started by the
 * global setup of the projects that have files to run, so that a pure unit run
 * starts none. Groups run one after the other: what measures time or fills the
 * machine (whole processes, a browser) has it to itself.
 */
const SERVERS = ['test/support/global-setup.ts']
const SUFFIXES = '{pg,nats,temporal,e2e,browser}'
const chromium = findChromium()

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
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      project('pg', 1, { groupOrder: 1, maxWorkers: 2 }),
      project('nats', 1, { groupOrder: 1, maxWorkers: 2 }),
      project('temporal', 2, { groupOrder: 1, maxWorkers: 2 }),
      project('e2e', 5, { groupOrder: 2, maxWorkers: 1 }),
      ...(chromium === undefined ? [] : [project('browser', 3, { groupOrder: 3, maxWorkers: 1 })]),
    ],
  },
})
