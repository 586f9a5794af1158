import type { AccountSpec } from './accounts.ts'
import type { Timing } from './events.ts'

/** One transfer of a group. With `upTo` the amount is its most: it moves what its debit account has and the total still lacks. */
export type Leg = { debit: AccountSpec; credit: AccountSpec; amountMinor: bigint; upTo?: true }

/** Transfers that succeed or fail together. `totalMinor` is what the legs with `upTo` must sum to; there is one where there are any. */
export type TransferGroup = { legs: readonly Leg[]; totalMinor?: bigint; timing: Timing }

export function leg(debit: AccountSpec, credit: AccountSpec, amountMinor: bigint): Leg {
  return { debit, credit, amountMinor }
}

/** Legs of 0 are omitted: the ledger takes no empty transfer. */
export function group(timing: Timing, legs: readonly Leg[]): TransferGroup {
  return { legs: moving(legs), timing }
}

/** Debits these accounts, in order, as far as each goes, until the total is met; with further legs of fixed amounts. */
export function groupUpTo(
  timing: Timing,
  totalMinor: bigint,
  legs: readonly Leg[],
  fixed: readonly Leg[] = [],
): TransferGroup {
  const upTo = moving(legs).map((each) => ({ ...each, upTo: true as const }))
  return { legs: [...upTo, ...moving(fixed)], ...(upTo.length === 0 ? {} : { totalMinor }), timing }
}

/** @throws on a negative amount: a bug in whoever computed it. */
function moving(legs: readonly Leg[]): Leg[] {
  if (legs.some((each) => each.amountMinor < 0n)) throw new RangeError('a posting moves no negative amount')
  return legs.filter((each) => each.amountMinor > 0n)
}
