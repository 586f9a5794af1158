import type { Mutation } from '../../support/mutations/mutation.ts'

const AFTER_THE_END = 'test/payments/recovery.pg.test.ts'
const CHARGED = 'test/payments/charged.pg.test.ts'
const LATE_REFUNDS = 'test/payments/late-refunds.pg.test.ts'
const CALLED = 'test/payments/callbacks.pg.test.ts'
const VERDICT = 'src/payments/recovery/verdict.ts'
const MOVES = 'src/payments/recovery/moves.ts'
const REFUNDED = 'src/payments/recovery/refunded.ts'
const EVIDENCE = 'src/payments/evidence.ts'
const OUTCOME = 'src/payments/outcome.ts'

const broken = (name: string, file: string, from: string, to: string, test = AFTER_THE_END): Mutation => ({
  name,
  tests: [test],
  edits: [{ file, from, to }],
})

/** What must never happen to money that moves after a payment's end. */
export const RECOVERY: readonly Mutation[] = [
  broken(
    'posts a recovery again after a crash',
    MOVES,
    'id: derivedUuid(`recovery/${evidence.id}/${name}/${String(i)}`)',
    'id: deps.ids.uuid()',
  ),
  broken(
    'posts a recovery as often as it is run at once',
    MOVES,
    'guard: { payment: { id: payment.id, version: payment.version } },\n    transfers',
    'transfers',
  ),
  broken(
    'takes each statement that it settled for a settlement of its own',
    VERDICT,
    "if (lateSettled(all)) return { do: 'end', result: 'known' }",
    '',
  ),
  broken(
    'forgets what was charged after it had been given back',
    EVIDENCE,
    "const settled = state === 'settled' && step !== 'cancel'",
    "const settled = state === 'settled'",
  ),
  broken(
    'takes what was given back for a charge',
    EVIDENCE,
    "return step === 'cancel' ? 'declined' : 'settled'",
    "return 'settled'",
  ),
  broken(
    'gives back what was charged before it could be',
    OUTCOME,
    "...(outcome.kind === 'charged' ? CHARGED : {",
    '...({',
    CHARGED,
  ),
  broken(
    'takes the refusal of a cancel for its end',
    OUTCOME,
    "if (step !== 'cancel' || outcome.kind !== 'declined') return outcome",
    'if (step !== undefined) return outcome',
    CHARGED,
  ),
  broken(
    'gives back what operators know to have been charged',
    'src/payments/decide.ts',
    "kind: step === 'cancel' ? 'charged' : 'settled'",
    "kind: 'settled'",
    CHARGED,
  ),
  broken(
    'believes an inquiry that the outcome has overtaken',
    OUTCOME,
    'heard.inquiry === undefined ? heard.outcome : overtaken(heard.outcome)',
    'heard.outcome',
  ),
  broken(
    'charges again what the rail denied and people have ended',
    VERDICT,
    "if (denied(all) || isBroken(all)) return { do: 'end', result: 'known' }",
    "if (isBroken(all)) return { do: 'end', result: 'known' }",
  ),
  broken(
    'charges again, as a return, what the rail denied and people have ended',
    VERDICT,
    'if (denied(all) || isBroken(all)) {',
    'if (isBroken(all)) {',
  ),
  broken('takes more back than settled', VERDICT, 'if (totalMinor > settled) {', 'if (totalMinor > 2n * settled) {'),
  broken(
    'takes the same return twice',
    EVIDENCE,
    "kind === 'returned' ? [kind, railId]",
    "kind === 'returned' ? [kind, String(Math.random())]",
  ),
  broken(
    'drops what it was told while Temporal was away',
    EVIDENCE,
    "where state <> 'done' and next_look_at",
    "where state = 'done' and next_look_at",
  ),
  broken(
    'drops a return of a payment that waits',
    OUTCOME,
    "if (heard.outcome.kind === 'returned') await",
    "if (heard.no < 0 && heard.outcome.kind === 'returned') await",
  ),
  broken(
    'believes a contradicting callback without asking',
    VERDICT,
    "if (evidence.via !== 'inquiry') {\n    const { answer } = evidence",
    "if (evidence.via === 'operator') {\n    const { answer } = evidence",
    CALLED,
  ),
  broken(
    'flips what was recorded when a rail contradicts it',
    OUTCOME,
    'if (!isUnresolved(attempt.state)) {',
    "if (!isUnresolved(attempt.state) && heard.outcome.kind !== 'declined') {",
    CALLED,
  ),
  broken(
    'forgets to ask what an event is about',
    VERDICT,
    "return evidence.answer === null ? { do: 'ask' } : {",
    'return {',
    CALLED,
  ),
  broken(
    'lets the merchant keep what a rail paid for a refund that had failed',
    REFUNDED,
    'const events = [found, ...borne(facts, { refundedMinor: amountMinor, twiceMinor: 0n })]',
    'const events = [found]',
    LATE_REFUNDS,
  ),
  broken(
    'does not count a refund that was paid late',
    REFUNDED,
    "result: 'posted', refundedMinor: amountMinor }",
    "result: 'posted' }",
    LATE_REFUNDS,
  ),
  broken(
    'refunds more than was captured where a refund is paid late',
    REFUNDED,
    'minOf(amountMinor, roomMinor({ ...payment, recovery: before }))',
    'amountMinor',
    LATE_REFUNDS,
  ),
  broken(
    'posts what a rail paid for a refund before the refund has ended',
    VERDICT,
    'OPEN_REFUND.has(refund.status)',
    'false',
    LATE_REFUNDS,
  ),
  broken(
    'keeps silent about a dispute',
    VERDICT,
    "if (evidence.disputed && payment.dispute === null) return { do: 'dispute' }",
    '',
  ),
]
