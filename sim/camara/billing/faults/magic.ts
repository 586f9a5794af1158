import { plainFault, type Fault, type Reason } from './kinds.ts'

// oxlint-disable unicorn/no-thenable -- `then` is the control API's word for what follows a pending answer

/** Phones that behave in a fixed way (connectors.md §4): `+999555000NN`, on the first call of each reference. */

export function magicNumber(phone: string): number | null {
  const found = /^\+999555000([0-9]{2})$/.exec(phone)
  return found === null ? null : Number(found[1])
}

/** The payer who refuses once asked for the code. */
export const REFUSING_PAYER = 5

const decline = (reason: Reason): Fault[] => [{ kind: 'decline', reason }]
const later = (outcome: 'settled' | 'declined' | 'never', after_s: number, callback: boolean): Fault[] => [
  { kind: 'pending', then: outcome, after_s, callback },
]

/** A number without a row is charged like any other. */
const CHARGE = new Map<number, Fault[]>([
  [1, decline('CARRIER_BILLING.PAYMENT_DENIED')],
  [2, decline('IDENTIFIER_NOT_FOUND')],
  [3, decline('SERVICE_NOT_APPLICABLE')],
  [4, decline('CARRIER_BILLING.USER_AMOUNT_THRESHOLD_OVERPASSED')],
  [6, decline('CARRIER_BILLING.PAYMENT_DENIED')],
  [10, [{ kind: 'delay', ms: 3_000 }]],
  [11, later('settled', 3, true)],
  [12, later('declined', 3, true)],
  [13, later('settled', 5, false)],
  [14, later('never', 0, true)],
  [20, [plainFault('drop_after')]],
  [21, [plainFault('drop_before')]],
  [22, [plainFault('hang_after')]],
  [23, [plainFault('hang_before')]],
  [24, [plainFault('error_before')]],
  [25, [plainFault('error_after')]],
  [30, [{ kind: 'duplicate_callback', n: 15, gap_ms: 0, after_s: 0.5 }]],
  [31, [plainFault('late_callback')]],
  [32, [plainFault('contradict_callback')]],
  [33, [plainFault('answer_twice')]],
  [40, [plainFault('malformed')]],
  [41, [plainFault('bad_signature')]],
  [42, [plainFault('wrong_content')]],
  [43, [{ kind: 'wrong_content', field: 'reference' }]],
  [50, [plainFault('hang_after'), { kind: 'inquiry_fail', s: 30 }]],
  [51, [plainFault('hang_after'), plainFault('inquiry_lag')]],
  [62, [plainFault('return_later')]],
  [70, [plainFault('statement')]],
  [71, [{ kind: 'statement', mode: 'alter', field: 'amount' }]],
  [72, [{ kind: 'statement', mode: 'twice', field: 'amount' }]],
])

const REFUND = new Map<number, Fault[]>([
  [60, [plainFault('drop_after')]],
  [61, decline('CARRIER_BILLING_REFUND.REFUND_DENIED')],
])

export function magicFaults(phone: string, step: string): readonly Fault[] {
  const number = magicNumber(phone)
  if (number === null) return []
  if (step === 'refund') return REFUND.get(number) ?? []
  return step === 'create' || step === 'prepare' ? (CHARGE.get(number) ?? []) : []
}
