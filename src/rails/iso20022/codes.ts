import type { FailureCode } from '../../contract/names.ts'
import type { RailOperation } from '../../domain/attempt.ts'

/** ISO 20022 external codes and what each means for the money (connectors.md §1.2). */

/** Final and positive. */
export const SETTLED: ReadonlySet<string> = new Set(['ACSC', 'ACCC'])

/** Accepted, not final. ACWP: the money has left and is not yet on the creditor's account. */
export const PENDING: ReadonlySet<string> = new Set([
  'RCVD',
  'ACTC',
  'ACCP',
  'ACFC',
  'ACPD',
  'ACSP',
  'PDNG',
  'ACWC',
  'PATC',
  'ACWP',
])

/** Not final either, and somebody should look. */
export const BLOCKED = 'BLCK'

export const REJECTED = 'RJCT'

/** Original never received, said in answer to an inquiry. */
export const NEVER_RECEIVED = 'AG09'

/** "Seen before": an earlier message with that reference exists, so this refusal is no decline. */
export const DUPLICATE: ReadonlySet<string> = new Set(['DUPL', 'AM05', 'DU01', 'DU03', 'DU04', 'DU05'])

export type Decline = { code: FailureCode; alarm: boolean }

const DECLINES: ReadonlyMap<string, Decline> = new Map(
  [
    ...codes('insufficient_funds', ['AM04', 'AG07']),
    ...codes('source_not_usable', ['AC01', 'AC02', 'AC03', 'AC04', 'AC05', 'AC06', 'AC07', 'AC13', 'AC14']),
    ...codes('source_not_usable', ['AG01', 'MD01', 'MD07']),
    ...codes('limit_exceeded', ['AM02', 'AM13', 'AM14', 'AM21', 'SL13', 'SL14']),
    ...codes('declined_by_payer', ['MS02']),
    ...codes('declined_by_rail', ['AG03', 'SL11', 'SL12', 'RR04', 'AM09', 'AM12', 'CH20']),
    ...codes('declined_by_rail', [
      'AB05',
      'AB06',
      'AB08',
      'AB09',
      'AB10',
      'AB11',
      'TM01',
      'FF10',
      'ED05',
      'MS03',
      'NOAS',
    ]),
  ].map(([reason, code]) => [reason, { code, alarm: false }]),
)

/** Syntax, missing elements, BIC, party data: a message of ours that should never have been written. */
const OUR_FAULT = /^(FF01|FF02|CH21|RC0[1-9]|BE0[1-9])$/

function codes(code: FailureCode, reasons: string[]): [string, FailureCode][] {
  return reasons.map((reason) => [reason, code])
}

/** Without them nothing of ours can be paid: the money is on our own account, and nobody outside can put it right. */
const OUR_ACCOUNT_EMPTY: ReadonlySet<string> = new Set(['AM04', 'AG07'])

/** The original cannot be given back: not returnable as it stands, or a return itself. */
const NOT_RETURNABLE: ReadonlySet<string> = new Set(['FF12', 'AG13'])

/** What a reason given with RJCT declines as; null for a word we do not know, which decides nothing. */
export function declineOf(reason: string, operation: RailOperation): Decline | null {
  if (operation === 'refund' && NOT_RETURNABLE.has(reason)) return { code: 'declined_by_rail', alarm: false }
  if (operation !== 'collect' && OUR_ACCOUNT_EMPTY.has(reason)) return { code: 'declined_by_rail', alarm: true }
  return DECLINES.get(reason) ?? (OUR_FAULT.test(reason) ? { code: 'declined_by_rail', alarm: true } : null)
}
