import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startStack, type Stack } from '../support/stack.ts'
import { freezeHubs, type Frozen } from './fence.ts'

/** The short form of `npm run faults -- fence`. */

const HUBS = 3
/** A workflow task given to a hub that stands still is another's after this. */
const TASK_TIMEOUT_MS = 4_000
/** Past the send window of 3 s, and before anybody asks the rail: the woken hub itself says that nothing was sent. */
const SHORT_S = 5

describe('a hub frozen between journal and first byte', () => {
  let stack: Stack
  let frozen: Frozen[]
  let faults: string[]

  beforeAll(async () => {
    stack = await startStack({
      args: ['--hubs', String(HUBS)],
      env: { MOORING_WORKFLOW_TASK_TIMEOUT_MS: String(TASK_TIMEOUT_MS) },
    })
    const freezes = [
      { way: 'top-up', seconds: null },
      { way: 'top-up', seconds: SHORT_S },
      { way: 'top-up by mobile money', seconds: SHORT_S },
      { way: 'withdrawal to mobile money', seconds: SHORT_S },
    ] as const
    // One at a time: a hub that stays frozen holds back tasks of the others' payments too.
    ;({ frozen, faults } = await freezeHubs(stack, freezes, { atOnce: 1, patienceS: 240, say: () => {} }))
  })

  afterAll(() => stack?.stop())

  it('moves money at most once, as the ledger says', () => {
    expect(frozen).toHaveLength(4)
    expect(faults).toEqual([])
  })

  it('sends nothing when it wakes after the send window: what goes out is journalled anew', () => {
    const short = frozen.filter(({ seconds }) => seconds === SHORT_S)
    expect(short.map(({ ends, sends }) => `${ends}, ${sends}`)).toEqual(short.map(() => 'succeeded, 2'))
  })

  it('sends nothing once another hub has asked the bank, which will never execute the order', () => {
    const [asked] = frozen.filter(({ seconds }) => seconds === null)
    expect(asked).toMatchObject({ ends: 'failed not_executed', sends: 1 })
  })
})
