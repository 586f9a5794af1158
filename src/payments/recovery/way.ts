import type { Recovery } from '../../contract/index.ts'
import type { AccountingEvent } from '../../domain/accounting/index.ts'
import type { EvidenceResult } from '../evidence.ts'
import type { PaymentPatch } from '../moves.ts'

/** One way to end it; where the ledger refuses it (a wallet that is frozen or closed), the next. */
export type Way = {
  name: string
  events: AccountingEvent[]
  recovery: Recovery
  result: Extract<EvidenceResult, 'posted' | 'suspended' | 'broken'>
  /** What of it is refunded by this, minor units. */
  refundedMinor?: bigint
}

/** How a break that stands is ended. */
export type BreakEnding = { events: AccountingEvent[]; patch: PaymentPatch }
