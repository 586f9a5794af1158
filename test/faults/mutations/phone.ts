import { broken, type Mutation } from '../../support/mutations/mutation.ts'

const clock = broken('clients/mobile/server-clock.ts', 'test/clients/mobile/server-clock.test.ts')
const http = broken('clients/mobile/http.ts', 'test/clients/mobile/enrol.test.ts')

/** The SDK of the phone: the time it signs by, the passwords it asks for. */
export const PHONE: readonly Mutation[] = [
  clock('makes codes that are past after a sleep', 'learnt.asleep_ms = Math.max(learnt.asleep_ms, ahead_ms)', ''),
  clock(
    'goes back in time where the phone’s clock is set back',
    'Math.max(learnt.asleep_ms, ahead_ms)',
    'ahead_ms\n    else learnt.asleep_ms = 0',
  ),
  http(
    'sends one password after the other where answers are lost',
    "      if (repeats === 'refused' && error.outcome !== 'refused') throw error\n",
    '',
  ),
]
