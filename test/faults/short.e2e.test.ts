import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startStack, type Stack } from '../support/stack.ts'
import { run } from './campaign.ts'

/** The short form of `npm run faults`: a hundred payments on every rail and refunds of some, the hub and each rail killed. */

/** A workflow task given to a hub that dies comes back after this instead of 20 s. */
const TASK_TIMEOUT_MS = 4_000

const VICTIMS = ['hub-0', 'sim-bank', 'sim-camara', 'hub-0', 'sim-gsma']

describe('a hundred payments under faults of the rails, hub and rails killed', () => {
  let stack: Stack

  beforeAll(async () => {
    stack = await startStack({ env: { MOORING_WORKFLOW_TASK_TIMEOUT_MS: String(TASK_TIMEOUT_MS) } })
  })

  afterAll(() => stack?.stop())

  it('all end, once and in time, and every witness says the same of each', async () => {
    const outcome = await run(stack.dev, stack.dataDir, {
      seed: 1,
      payments: 100,
      inFlight: 32,
      phones: 6,
      victims: VICTIMS,
      faults: 'brief',
      patienceS: 200,
      say: () => {},
    })
    expect(outcome.faults).toEqual([])
    expect(outcome.ended).toHaveLength(100)
    expect(outcome.ended.flatMap(({ refunds = [] }) => refunds).length).toBeGreaterThan(10)
    expect(outcome.kills.map(({ process }) => process)).toEqual(VICTIMS)
    expect(Math.min(...outcome.kills.map(({ processing }) => processing))).toBeGreaterThanOrEqual(10)
  })
})
