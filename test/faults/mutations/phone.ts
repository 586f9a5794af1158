import { broken, type Mutation } from '../../support/mutations/mutation.ts'

const clock = broken('clients/mobile/server-clock.ts', 'test/clients/mobile/server-clock.test.ts')

/** The SDK of the phone: the time it signs by. */
export const PHONE: readonly Mutation[] = [
  clock('makes codes that are past after a sleep', 'learnt.asleep_ms = Math.max(learnt.asleep_ms, ahead_ms)', ''),
  clock(
    'goes back in time where the phone’s clock is set back',
    'Math.max(learnt.asleep_ms, ahead_ms)',
    'ahead_ms\n    else learnt.asleep_ms = 0',
  ),
]
