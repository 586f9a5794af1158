import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startStack, type Stack } from '../support/stack.ts'
import { run } from './campaign.ts'

/** The short form of `npm run faults`: a hundred payments, hub and bank killed once each. */

/** A workflow task given to a hub that dies comes back after this instead of 20 s. */
const TASK_TIMEOUT_MS = 4_000

describe('a hundred payments under faults of the bank, hub and bank killed', () => {
  let stack: Stack

  beforeAll(async () => {
    stack = await startStack({ env: { MOORING_WORKFLOW_TASK_TIMEOUT_MS: String(TASK_TIMEOUT_MS) } })
  })

  afterAll(() => stack?.stop())

  it('all end, once and in time, and every witness says the same of each', async () => {
    const outcome = await run(stack.dev, {
      seed: 1,
      payments: 100,
      inFlight: 32,
      phones: 6,
      victims: ['hub-0', 'sim-bank'],
      patienceS: 200,
      say: () => {},
    })
    expect(outcome.faults).toEqual([])
    expect(outcome.ended).toHaveLength(100)
    expect(outcome.kills.map(({ process }) => process)).toEqual(['hub-0', 'sim-bank'])
    expect(Math.min(...outcome.kills.map(({ processing }) => processing))).toBeGreaterThanOrEqual(10)
  })
})
