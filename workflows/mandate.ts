import {
  CancellationScope,
  condition,
  makeContinueAsNewFunc,
  proxyActivities,
  proxyLocalActivities,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow'
import type { MandateActivities } from '../activities/mandate.ts'
import { LOCAL, PATIENT, look } from './life.ts'

/** A mandate's workflow carries its source's id only. */
export type MandateInput = { source: string }

const local = proxyLocalActivities<MandateActivities>(LOCAL)
const patient = proxyActivities<MandateActivities>(PATIENT)

/** A mandate that its bank has not decided: the bank is asked until it says yes or no, or the user unlinks the account. */
export async function mandate(input: MandateInput): Promise<{ status: string }> {
  let seen = 0
  let looks = 0
  setHandler(look, () => {
    looks += 1
  })
  return CancellationScope.nonCancellable(async () => {
    let next = await local.lookAtMandate(input)
    while (next.step === 'wait') {
      const until = new Date(Date.now() + next.ms).toISOString()
      setCurrentDetails(`Waits for its user to approve the mandate at ${next.bank}, which is asked again at ${until}.`)
      const woken = next.ms > 0 && (await condition(() => looks > seen, next.ms))
      seen = looks
      // A history that has grown long is left behind: all that matters is in Postgres.
      if (workflowInfo().continueAsNewSuggested) return makeContinueAsNewFunc<typeof mandate>()(input)
      next = woken ? await local.lookAtMandate(input) : await patient.askForMandate(input)
    }
    setCurrentDetails(`Ended: ${next.status}.`)
    return { status: next.status }
  })
}
