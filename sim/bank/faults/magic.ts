import { defaultFault, type Fault } from './kinds.ts'

// oxlint-disable unicorn/no-thenable -- `then` is the control API's word for what follows a pending answer

/**
 * Accounts that behave in a fixed way (connectors.md §4): `DE` + check digits + 99999999 + NN in ten digits.
 * They need no mandate; their behaviour acts on the first arrival of a reference.
 */
const BANK_CODE = '99999999'

/** NN of a magic account, or null. The check digits are the caller's to have verified. */
export function magicNumber(account: string): number | null {
  const number = /^DE\d{2}(\d{8})00000000(\d{2})$/.exec(account)
  return number !== null && number[1] === BANK_CODE ? Number(number[2]) : null
}

const decline = (reason: string): Fault[] => [{ kind: 'decline', reason }]

/** A number without a row, 60 and 61 included as far as their orders go, settles. */
const BEHAVIOUR: Readonly<Record<number, readonly Fault[]>> = {
  1: decline('AM04'),
  2: decline('AC04'),
  3: decline('AC06'),
  4: decline('AM14'),
  5: decline('MS02'),
  6: decline('MD01'),
  10: [{ kind: 'delay', ms: 3_000 }],
  11: [{ kind: 'pending', then: 'settled', after_s: 3, callback: true }],
  12: [{ kind: 'pending', then: 'declined', after_s: 3, callback: true }],
  13: [{ kind: 'pending', then: 'settled', after_s: 5, callback: false }],
  14: [{ kind: 'pending', then: 'never', after_s: 0, callback: true }],
  20: [{ kind: 'drop_after' }],
  21: [{ kind: 'drop_before' }],
  22: [defaultFault('hang_after')],
  23: [defaultFault('hang_before')],
  24: [defaultFault('error_before')],
  25: [defaultFault('error_after')],
  30: [{ kind: 'duplicate_callback', n: 15, gap_ms: 0, after_s: 0.5 }],
  31: [{ kind: 'late_callback', after_s: 30 }],
  32: [defaultFault('contradict_callback')],
  33: [defaultFault('answer_twice')],
  40: [defaultFault('malformed')],
  41: [defaultFault('bad_signature')],
  42: [{ kind: 'wrong_content', field: 'amount' }],
  43: [{ kind: 'wrong_content', field: 'reference' }],
  50: [defaultFault('hang_after'), { kind: 'inquiry_fail', s: 30 }],
  51: [defaultFault('hang_after'), { kind: 'inquiry_lag', s: 5 }],
  62: [defaultFault('return_later')],
  70: [{ kind: 'statement', mode: 'drop', field: 'amount' }],
  71: [{ kind: 'statement', mode: 'alter', field: 'amount' }],
  72: [{ kind: 'statement', mode: 'twice', field: 'amount' }],
}

/** What a refund of a collect from these accounts meets; the collect itself settles. */
const REFUND_BEHAVIOUR: Readonly<Record<number, readonly Fault[]>> = {
  60: [{ kind: 'drop_after' }],
  61: decline('FF12'),
}

const NONE: readonly Fault[] = []

export function magicFaults(account: string, operation: 'collect' | 'payOut' | 'refund'): readonly Fault[] {
  const number = magicNumber(account)
  if (number === null) return NONE
  return (operation === 'refund' ? REFUND_BEHAVIOUR : BEHAVIOUR)[number] ?? NONE
}
