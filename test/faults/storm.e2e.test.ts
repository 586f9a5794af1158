import { expect, it } from 'vitest'
import { storm } from './storm/storm.ts'

/** The short form of `npm run faults -- storm`. */
it('an edge dies under three hundred phones: all go on at the other where they were, and nobody misses an event', async () => {
  const { faults, struck, events } = await storm({
    clients: 300,
    processes: 1,
    perSecond: 40,
    transport: 'ws',
    patienceS: 200,
    say: () => {},
  })
  expect(faults).toEqual([])
  expect(struck).toBeGreaterThan(100)
  expect(events).toBeGreaterThan(200)
})
