import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startStack, type Stack } from '../support/stack.ts'
import { dealShort } from './steps/deal.ts'
import { strikeAll, STRIKE_ENV, type Struck } from './steps/play.ts'

/** The short form of `npm run faults -- steps`: every point once. */

const SEED = 1
const HUBS = 5

describe('a hub struck before or after a commit, while a rail misbehaves', () => {
  const blows = dealShort(SEED)
  let stack: Stack
  let struck: Struck[]
  let faults: string[]

  beforeAll(async () => {
    stack = await startStack({ args: ['--hubs', String(HUBS)], env: STRIKE_ENV })
    ;({ struck, faults } = await strikeAll(stack, blows, { hubs: HUBS, lanes: 8, patienceS: 240, say: () => {} }))
  })

  afterAll(() => stack?.stop())

  it('leaves rail, ledger and payment of one mind, and each payment ends as it honestly can', () => {
    expect(faults).toEqual([])
    expect(struck).toHaveLength(blows.length)
  })
})
