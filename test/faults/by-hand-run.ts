/** `npm run faults:ops`: every stage under every hand of people; ends with 0 only if every witness agrees about each payment. */
import { Patience } from '../../tools/demo/patience.ts'
import { disagreements } from '../e2e/support/proof.ts'
import { openWorld } from '../e2e/support/world.ts'
import { startStack } from '../support/stack.ts'
import { byHand, HANDS, STAGES, unhappy, type Hand } from './by-hand.ts'

const PATIENCE_S = 900
const FUND_MINOR = 400_000n

const stack = await startStack()
try {
  const world = await openWorld(stack.dev(), new Patience(PATIENCE_S), { phones: 4, fundMinor: FUND_MINOR })
  try {
    const of = (hand: Hand) => STAGES.map((stage) => ({ stage, hand }))
    const first = await byHand(stack, world, HANDS.filter((hand) => hand !== 'wipe').flatMap(of), 20_000n)
    console.table(first.handled)
    const wiped = await byHand(stack, world, of('wipe'), 40_000n)
    console.table(wiped.handled)
    const all = await disagreements(world, [...first.ended, ...wiped.ended])
    const faults = [...all, ...unhappy([...first.handled, ...wiped.handled])]
    for (const fault of faults) console.error(fault)
    if (faults.length > 0) process.exitCode = 1
    else console.log('every witness agrees about every payment')
  } finally {
    await world.close()
  }
} finally {
  await stack.stop()
}
