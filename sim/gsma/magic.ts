import { defaultFault, type Fault, type Operation } from '../common/faults/kinds.ts'

// oxlint-disable unicorn/no-thenable -- `then` is the control API's word for what follows a pending answer

/** Numbers +999555000NN behave in a fixed way (connectors.md §4), on the first arrival of a reference. */

const decline = (reason: string): Fault[] => [{ kind: 'decline', reason }]
const pending = (then: 'settled' | 'declined' | 'never', after_s: number, callback: boolean): Fault[] => [
  { kind: 'pending', then, after_s, callback },
]
const plain = (...kinds: Fault['kind'][]): Fault[] => kinds.map(defaultFault)

/** A number without a row settles at once. */
const BEHAVIOUR = new Map<number, readonly Fault[]>([
  [1, decline('insufficientFunds')],
  [2, decline('identifierError')],
  [3, decline('incorrectState')],
  [4, decline('dailyValueLimitExceeded')],
  [5, decline('requestDeclined')],
  [6, decline('noMandateAuthority')],
  [10, [{ kind: 'delay', ms: 3_000 }]],
  [11, pending('settled', 3, true)],
  [12, pending('declined', 3, true)],
  [13, pending('settled', 5, false)],
  [14, pending('never', 0, true)],
  [20, plain('drop_after')],
  [21, plain('drop_before')],
  [22, plain('hang_after')],
  [23, plain('hang_before')],
  [24, plain('error_before')],
  [25, plain('error_after')],
  [30, [{ kind: 'duplicate_callback', n: 15, gap_ms: 0, after_s: 0.5 }]],
  [31, plain('late_callback')],
  [32, plain('contradict_callback')],
  [33, plain('answer_twice')],
  [40, plain('malformed')],
  [41, plain('bad_signature')],
  [42, [{ kind: 'wrong_content', field: 'amount' }]],
  [43, [{ kind: 'wrong_content', field: 'reference' }]],
  [50, [...plain('hang_after'), { kind: 'inquiry_fail', s: 30 }]],
  [51, [...plain('hang_after'), { kind: 'inquiry_lag', s: 5 }]],
  [62, plain('return_later')],
  [70, plain('statement')],
  [71, [{ kind: 'statement', mode: 'alter', field: 'amount' }]],
  [72, [{ kind: 'statement', mode: 'twice', field: 'amount' }]],
])

/** What a refund of a collect from these numbers meets; the collect itself settles. */
const OF_REFUNDS = new Map<number, readonly Fault[]>([
  [60, plain('drop_after')],
  [61, decline('incorrectState')],
])

export function magicFaults(account: string, operation: Operation): readonly Fault[] {
  const number = /^\+999555000([0-9]{2})$/.exec(account)?.[1]
  if (number === undefined) return []
  return (operation === 'refund' ? OF_REFUNDS : BEHAVIOUR).get(Number(number)) ?? []
}
