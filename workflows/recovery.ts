import { makeContinueAsNewFunc, proxyActivities } from '@temporalio/workflow'
import type { RecoveryActivities } from '../activities/recovery.ts'
import { PATIENT, live } from './life.ts'

/** Evidence by its id: what it says, and what it is about, is in Postgres. */
export type RecoveryInput = { evidence: string }

/** Nobody waits for it within a second, so nothing of it needs to be local; it never gives up. */
const patient = proxyActivities<RecoveryActivities>(PATIENT)

/**
 * What a rail said about a payment after its end, from being heard to the money being where
 * it belongs: the rail is asked where that is needed, then one unit posts it, or people decide.
 */
export async function recovery(input: RecoveryInput): Promise<{ status: string }> {
  const recover = () => patient.recover(input)
  return live(
    {
      reserve: recover,
      look: recover,
      inquire: () => patient.askAgain(input),
      dispatch: recover,
      confirm: recover,
      release: recover,
      hold: recover,
      decide: (update, approval, by) => patient.decideRecovery({ ...input, update, approval, by }),
    },
    () => makeContinueAsNewFunc<typeof recovery>()(input),
  )
}
