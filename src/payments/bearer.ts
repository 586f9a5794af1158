import type { Branch, TransferInput, Unit } from '../ledger/index.ts'
import type { AttemptRow } from './rows.ts'

/** What an attempt serves, a payment or a refund, as far as a call needs to know it. */
export type Bearer = {
  /** `pay_…` or `rfd_…`. */
  id: string
  /** What must still be so for anything to be written about it; null where the attempt alone decides. */
  guard: NonNullable<NonNullable<Unit['guard']>['payment']> | null
  attempt: AttemptRow | null
  /** Says to those who watch that the rail has not answered; empty where it says so already, or must not. */
  awaiting: (nowMs: number) => Branch
  /**
   * What ends it where this attempt has just moved the money and nothing is left to decide: written as one with the
   * outcome. Null where a step must do that by itself.
   */
  ending: (attempt: AttemptRow, nowMs: number) => { transfers: TransferInput[]; ok: Branch } | null
}

export type LoadBearer = (id: string) => Promise<Bearer | null>
