import { makeAccountBook } from '../../../src/ledger/index.ts'
import {
  type EvidenceName,
  makeAftermath,
  makeBearers,
  makeEvidenceBook,
  makeIncidentBook,
  makeRecoverySteps,
} from '../../../src/payments/index.ts'
import { watched } from './rail.ts'
import { log, type RefundStage } from './refund-stage.ts'

/** What a hub does about evidence, over the rows of the stage. */
export function afterTheEnd(stage: RefundStage) {
  const { sql, store, ledger, ids } = stage
  const clock = { now: Date.now, monotonic: () => performance.now() }
  const begun: EvidenceName[] = []
  const incidents = makeIncidentBook(sql)
  const evidence = makeEvidenceBook(sql)
  const aftermath = makeAftermath({ incidents, log, recover: (each) => void begun.push(each) })
  const outcomes = { load: makeBearers({ store, ids }), ledger, ids, clock, log, aftermath }
  const rails = watched(stage.rail.book)
  const terms = () => Promise.resolve(stage.terms)
  const deps = { ...outcomes, terms, store, evidence, incidents, accounts: makeAccountBook(sql), rails }
  return { begun, evidence, outcomes, deps, recovery: makeRecoverySteps(deps) }
}
