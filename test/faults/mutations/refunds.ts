import type { Mutation } from '../../support/mutations/mutation.ts'

const REFUNDS = 'test/payments/refunds.pg.test.ts'

/** One text of one file of the refunds. */
const broken = (file: string, name: string, from: string, to: string): Mutation => ({
  name,
  tests: [REFUNDS],
  edits: [{ file: `src/payments/${file}.ts`, from, to }],
})

/** As above, noticed where refunds stand in line for one another. */
const lined = (file: string, name: string, from: string, to: string): Mutation => ({
  name,
  tests: ['test/payments/refund-lines.pg.test.ts', 'test/payments/refund-turns.test.ts'],
  edits: [{ file: `src/payments/${file}.ts`, from, to }],
})

export const REFUND_MUTATIONS: readonly Mutation[] = [
  broken('refunds/moves', 'keeps what a refund reserved', " - part(before, 'reserved')", ''),
  broken(
    'refunds/moves',
    'does not count what was refunded',
    "payment.refunded_amount + part(after, 'refunded')",
    'payment.refunded_amount',
  ),
  broken(
    'refunds/moves',
    'counts a refund from its end alone',
    "  pending_funds: 'reserved',",
    "  pending_funds: 'nothing',",
  ),
  broken(
    'refunds/tending',
    'calls nobody to a refund that cannot be sent again',
    "'unknown', 'not_found')",
    "'unknown')",
  ),
  broken(
    'refunds/tending',
    'gives back what the bank of the customer has taken back meanwhile',
    'if (leftToRefund(payment) < 0n) {',
    'if (leftToRefund(payment) < -payment.amount) {',
  ),
  broken(
    'refunds/moves',
    'refunds what the merchant does not have',
    '{ total: group.totalMinor.toString() }',
    "{ total: '1' }",
  ),
  broken(
    'refunds/moves',
    'asks for all of a refund at each account',
    '...(leg.upTo === undefined ? {} : { up_to: true as const })',
    '...{}',
  ),
  broken(
    'refunds/moves',
    'moves a refund again under the same id',
    'guard: guardOf(payment),\n      transfers,',
    'transfers,',
  ),
  broken(
    'refunds/moves',
    'gives back a refund that was paid',
    "transfers: ends(state, 'confirm')",
    "transfers: ends(state, 'void')",
  ),
  broken('refunds/moves', 'keeps the hold of a refund that failed', "transfers: ends(state, 'void')", 'transfers: []'),
  broken(
    'refunds/moves',
    'tells the payer nothing of a refund',
    "feed: payment.payer, name: 'refund.updated'",
    "feed: payment.payer, name: 'payout.updated'",
  ),
  broken(
    'refunds/moves',
    'posts a refund at a rail at once',
    "funding.collect === null ? 'post' : 'reserve'",
    "funding.collect === null ? 'post' : 'post'",
  ),
  broken(
    'refunds/next',
    'takes an unknown refund for a failure',
    "return wait(refund, attempt, nowMs, `an inquiry at ${attempt.rail}`, 'outcome_unknown')",
    "return failed('not_executed', 'No answer.')",
  ),
  broken(
    'refunds/next',
    'sends a refund again that was journalled as sent',
    "return wait(refund, attempt, nowMs, `the answer of ${attempt.rail}`, 'awaiting_rail')",
    "return { step: 'dispatch', call: attempt.step, afterMs: 0 }",
  ),
  broken(
    'refunds/next',
    'takes a declined refund for paid',
    "return failed(attempt.failure_code ?? 'declined_by_rail', attempt.failure_message ?? 'The refund was declined.')",
    "return { step: 'confirm' }",
  ),
  broken(
    'refunds/next',
    'never gives up sending a refund',
    'isLate(refund, nowMs) ? unreachable()',
    'isLate(refund, 0) ? unreachable()',
  ),
  broken(
    'refunds/commands',
    'refunds another merchant’s payment',
    'if ((await deps.store.payment(body.data.payment))?.merchant !== merchant.merchant) {',
    'if ((await deps.store.payment(body.data.payment)) === null) {',
  ),
  broken(
    'refunds/funding',
    'refunds what its rail took back',
    ' - payment.refund_reserved - gone',
    ' - payment.refund_reserved',
  ),
  broken('refunds/commands', 'forgets what of the fee other refunds gave back', '    returned: base.returned,\n', ''),
  broken(
    'refunds/tending',
    'never lets a refund begin that waited',
    "(await begin(deps, row.id)) !== 'refused'",
    "(await Promise.resolve(row.id)) !== 'refused'",
  ),
  broken('refunds/tending', 'waits for funds for ever', 'row.at.getTime() <= late', 'row.at.getTime() < 0'),
  broken(
    'refunds/tending',
    'does not start what did not start',
    'deps.startLate(rows.map(({ id, rail, ...of }) => ({ id, about: aboutRefund(of, rail) })))',
    '',
  ),
  broken(
    'refunds/funding',
    'leaves what a merchant took in where it cannot be spent',
    '&& elsewhere > 0n) await',
    '&& elsewhere < 0n) await',
  ),
  lined('refunds/tending', 'tries again and again what a shut account refuses', '!funds.shut.has(id)', 'id !== row.id'),
  lined(
    'refunds/tending',
    'waits for ever where the ledger refuses a refund that has its money',
    "result.code === 'refused' ? 'refused' : 'taken_on'",
    "'taken_on'",
  ),
  lined(
    'refunds/turns',
    'lets as many as like wait for a payment',
    'waiting >= limits.asked_of_payment',
    'waiting < 0',
  ),
  lined(
    'refunds/turns',
    'lets commands go before steps',
    'const step = line.steps.shift()',
    'const step = line.commands.shift()',
  ),
]
