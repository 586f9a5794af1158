import { expect, it } from 'vitest'
import { temporalAway } from './away/away.ts'

/** The short form of `npm run faults -- temporal-away`. */

/** A test run shares its machine: the long form asks for 50 ms. */
const ANSWERS_WITHIN_MS = 500

it('payments go on while Temporal is stopped: answered at once, posted between wallets, begun at rails or let go', async () => {
  const { faults, wallet, rail, memory } = await temporalAway({
    how: 'stopped',
    seconds: 12,
    perSecond: 20,
    answersWithinMs: ANSWERS_WITHIN_MS,
    patienceS: 200,
    say: () => {},
  })
  expect(faults).toEqual([])
  expect(wallet.atOnce).toBeGreaterThan(0)
  expect(rail.executed + rail.expired).toBeGreaterThan(0)
  expect(memory.before).toBeGreaterThan(0)
})
