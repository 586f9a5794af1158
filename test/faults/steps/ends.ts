import type { FailpointName } from '../../../src/config/failpoint.ts'
import type { FaultRow } from '../../e2e/support/fault-rows.ts'

/**
 * How a payment may honestly end whose hub was struck. The rail itself says whether the call came to where the fault
 * waited (`struck`: its rule is used up), so that nothing is left to guess: where it came, the payment ends as the row
 * says; where it did not, as what was never executed, and only if a hub was struck while the call was on its way.
 */
export type Facts = {
  struck: boolean
  /** Another case's hub was struck while this one's call was out: it may have been the same hub. */
  disturbed: boolean
}

const NOT_EXECUTED = 'failed not_executed'

/** Journalled, and perhaps never at the rail. */
const ON_ITS_WAY: ReadonlySet<FailpointName> = new Set(['journalled', 'first-byte-sent'])
/** Perhaps at the rail, and what it answered is written down nowhere. */
const UNHEARD: ReadonlySet<FailpointName> = new Set(['first-byte-sent', 'answer-received'])

export function honestEnds(row: FaultRow, step: FailpointName, { struck, disturbed }: Facts): readonly string[] {
  if (struck) return UNHEARD.has(step) || disturbed ? [row.ends, ...unheard(row)] : [row.ends]
  if (disturbed) return resends(row) && row.on.step === undefined ? [] : [NOT_EXECUTED]
  return ON_ITS_WAY.has(step) && !resends(row) ? [NOT_EXECUTED] : []
}

/** What never arrived is sent again until it does. */
const resends = ({ rail, on }: FaultRow): boolean => rail === 'money' || on.step === 'confirm'

/** What an inquiry says of a refusal whose reason was in the answer alone. */
function unheard({ rail, on, faults }: FaultRow): string[] {
  if (faults[0]?.kind !== 'decline') return []
  if (rail === 'money') return ['failed declined_by_rail']
  // An operator keeps nothing of a reservation that it refused.
  return on.step === 'prepare' ? [NOT_EXECUTED] : []
}
