import { broken, type Mutation } from '../../support/mutations/mutation.ts'

/** What stands between a command and money that is held: limits, fees, the express lane, the rails' guard. */

const ACCEPT = 'src/payments/commands/accept.ts'
const LIMITS = 'test/payments/limits.pg.test.ts'
const GUARD = 'test/payments/rail-guard.test.ts'

const limited = broken(ACCEPT, LIMITS)
const spending = broken('src/payments/spending.ts', LIMITS)
const priced = broken('src/payments/commands/own-money.ts', 'test/payments/fees.pg.test.ts')
const taxed = broken(ACCEPT, 'test/payments/fees.pg.test.ts')
const express = broken(ACCEPT, 'test/payments/express.pg.test.ts')
const guarded = broken(ACCEPT, 'test/payments/rail-guard.pg.test.ts')
const guard = broken('src/payments/rail-guard.ts', GUARD)

export const ACCEPTANCE: readonly Mutation[] = [
  limited('accepts without a leg of its limits', '        ...(await deps.spending.legs(accepted, now)),\n', ''),
  limited(
    'says that the wallet lacks funds where a limit does not suffice',
    '        exceeds_debits: limitExceeded(),\n',
    '',
  ),
  {
    name: 'keeps what a payment held of its limits when it ends',
    tests: [LIMITS],
    edits: [
      {
        file: 'src/payments/store.ts',
        from: 'where h.subject = p.id)',
        to: 'where h.subject = p.id and h.ledger = p.ledger)',
      },
    ],
  },
  spending('gives back to another day than it took from', 'periodsAt(nowMs)', 'periodsAt(0)'),
  broken('src/payments/spending.ts', 'test/payments/fees.pg.test.ts')(
    'leaves the fee out of what is spent',
    'row.amount + row.payer_fee',
    'row.amount',
  ),
  spending(
    'counts what comes to the wallet as spent',
    'if (!countsAgainstLimits(row.kind) || row.payer === null) return []',
    'if (row.payer === null) return []',
  ),
  priced(
    'takes a fee that the payer has not signed',
    'payerFeeMinor: order.payerFee.feeMinor,\n    source: order',
    'payerFeeMinor: 0n,\n    source: order',
  ),
  taxed(
    'keeps the tax in a merchant’s fee',
    'return payment.fee_plan === null ? null',
    'return payment.fee_plan !== null ? null',
  ),
  express('posts at once what is captured by hand', "of.capture === 'automatic'", 'true'),
  express('posts at once what needs a rail', "of.source === 'wallet' && (of.kind", '(of.kind'),
  express('starts a workflow of what is over', '      if (isOver) return\n', ''),
  {
    name: 'holds limits of what is posted at once',
    tests: ['test/payments/express.pg.test.ts'],
    edits: [
      { file: 'src/payments/spending.ts', from: "row.status === 'succeeded' ? 'post' : 'reserve'", to: "'reserve'" },
    ],
  },
  guarded(
    'asks a rail’s circuit when the money is held already',
    'if (place?.ok === false) {',
    'if (place?.ok === false && before?.version === 0) {',
  ),
  guarded(
    'answers for the rail where the limit does not suffice',
    'fits ? place.error : limitExceeded()',
    'place.error',
  ),
  guarded('keeps the trial of a payment that was refused', 'place.value.giveBack()', 'undefined'),
  guard(
    'never opens a circuit',
    'circuit.failures + overdue(circuit) < GUARD_LIMITS.failures',
    'circuit.failures >= 0',
  ),
  guard(
    'gives a rail that hangs all that comes until its calls are given up',
    'circuit.failures + overdue(circuit) <',
    'circuit.failures <',
  ),
  guard('holds calls against a rail that has answered since', 'overdueAt > answeredAt', 'overdueAt > 0'),
  guard('has all whom it refuses come back at one moment', 'circuit: GUARD_LIMITS.comeback_gap_ms', 'circuit: 0'),
  guard('lets inquiries that fail put the trial off', 'if (!isOpen && ', 'if ('),
  guard('lets everything through after the pause', 'now < circuit.trialUntil) {', 'now < 0) {'),
  guard(
    'opens the circuit of every rail with one',
    'const circuit = circuitOf(rail)\n      const now',
    "const circuit = circuitOf('')\n      const now",
  ),
  guard(
    'does not count what is accepted and not yet called',
    'circuit.calls.size + circuit.places.size',
    'circuit.calls.size',
  ),
]
