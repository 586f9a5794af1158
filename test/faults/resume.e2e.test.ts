import { afterAll, beforeAll, expect, it } from 'vitest'
import { startStack, type Stack } from '../support/stack.ts'
import { RESUME_BLOWS } from './resume/deal.ts'
import { RESUME_STACK, playResume } from './resume/resume.ts'

/** The short form of `npm run faults -- resume`: each blow once. */

let stack: Stack

beforeAll(async () => {
  stack = await startStack(RESUME_STACK)
})
afterAll(() => stack?.stop())

it('whatever breaks on its way, every client is told exactly the committed log of its feed', async () => {
  const resumed = await playResume(stack, {
    seed: 1,
    blows: RESUME_BLOWS.length,
    phones: 3,
    patienceS: 120,
    say: () => {},
  })
  expect(resumed.faults).toEqual([])
  expect(new Set(resumed.blows)).toEqual(new Set(RESUME_BLOWS))
  expect(resumed.epochs).toBe(2)
  expect(resumed.cuts).toBeGreaterThan(10)
  expect(resumed.heard).toBeGreaterThan(resumed.payments)
})
