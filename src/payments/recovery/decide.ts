import { ApplicationFailure } from '@temporalio/common'
import { REFUSED, type OpsUpdate } from '../../contract/names.ts'
import { recoveryId } from '../../domain/ids.ts'
import type { ConsumeApproval } from '../decide.ts'
import { decidedUnit } from './moves.ts'
import { loadFacts, type RecoveryDeps } from './steps.ts'

/** What operators decide about evidence that waits for them: its recovery as proposed, or that nothing follows. */
export type RecoveryDecision = { evidence: string; update: OpsUpdate; approval: string; by: string }
export type DecideRecovery = (decision: RecoveryDecision) => Promise<{ done: string }>

const CAS_TRIES = 10

export function makeDecideRecovery(deps: RecoveryDeps & { consume: ConsumeApproval }): DecideRecovery {
  return async ({ evidence: id, update, approval, by }) => {
    if (update !== 'approve') throw refused('nothing_to_resolve', 'A recovery is approved, and nothing else.')
    const { evidence } = await loadFacts(deps, id)
    const answer = await deps.consume({ payment: recoveryId(evidence.payment, id), update, approval, by })
    if (!answer.ok) throw refused(answer.code, answer.message)
    deps.log.warn({ evidence: id, approval, operators: answer.operators }, 'operators decided about a recovery')
    for (let i = 0; i < CAS_TRIES; i++) {
      const facts = await loadFacts(deps, id)
      if (facts.evidence.state === 'done') return { done: 'It is over already.' }
      if (facts.evidence.state === 'open')
        throw refused('not_waiting', 'It goes on by itself: nothing is to be decided.')
      const unit = await decidedUnit(deps, facts, approval, deps.clock.now())
      const result = await deps.ledger.apply(unit)
      if (result.code === 'ok') {
        return { done: facts.evidence.moved === null ? 'Noted: nothing is posted.' : 'Posted, and its break is ended.' }
      }
      if (result.code === 'refused') {
        const why = `The ledger refused it (${result.transfer}), and the approval is used: `
        throw refused('refused', `${why}reopen the account if it is frozen or closed, and make another approval.`)
      }
    }
    throw new Error(`the state of evidence ${id} kept changing`)
  }
}

/** Said to the operator who asked; never tried again by itself. */
function refused(code: string, message: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, `${REFUSED}${code}`)
}
