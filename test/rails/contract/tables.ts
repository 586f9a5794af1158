import type { Row } from './subject.ts'

// oxlint-disable unicorn/no-thenable -- `then` is the control API's word for what follows a pending answer

/**
 * What every rail does with the magic accounts, and under each kind of fault
 * (connectors.md §4), and what must come of it. Where a rail differs, its subject says so.
 */

const row = (nn: number, name: string, first: Row['first'], final: Row['final'], more: Partial<Row> = {}): Row => ({
  name: `account ${String(nn).padStart(2, '0')}: ${name}`,
  nn,
  first,
  final,
  ...more,
})

/** Accounts 31 and 50 take half a minute by design: only their first answer is looked at, a fault below does the rest. */
export const MAGIC: readonly Row[] = [
  row(0, 'settles', ['settled'], 'settled'),
  row(1, 'no funds', ['declined'], 'declined', { code: 'insufficient_funds' }),
  row(2, 'closed', ['declined'], 'declined', { code: 'source_not_usable' }),
  row(3, 'blocked', ['declined'], 'declined', { code: 'source_not_usable' }),
  row(4, 'over a limit', ['declined'], 'declined', { code: 'limit_exceeded' }),
  row(5, 'the payer refuses', ['declined'], 'declined', { code: 'declined_by_payer' }),
  row(6, 'no mandate', ['declined'], 'declined', { code: 'source_not_usable' }),
  row(10, 'late', ['settled'], 'settled'),
  row(11, 'pending, then settled', ['pending'], 'settled', { heard: { events: 1, deliveries: 1 } }),
  row(12, 'pending, then declined', ['pending'], 'declined', { heard: { events: 1, deliveries: 1 } }),
  row(13, 'pending, and no callback', ['pending'], 'settled', { heard: { events: 0, deliveries: 0 } }),
  row(14, 'pending until it is decided to settle', ['pending'], 'settled', { decide: 'settled' }),
  row(14, 'pending until it is decided to decline', ['pending'], 'declined', { decide: 'declined' }),
  row(20, 'dropped after', ['unknown'], 'settled'),
  row(21, 'dropped before', ['unknown'], 'not_executed'),
  row(22, 'hangs after', ['unknown'], 'settled', { abort: 'executed' }),
  row(23, 'hangs before', ['unknown'], 'not_executed', { abort: 'sent' }),
  row(24, 'fails before', ['unknown'], 'not_executed'),
  row(25, 'fails after', ['unknown'], 'settled'),
  row(30, 'the same callback sixteen times', ['pending'], 'settled', { heard: { events: 1, deliveries: 16 } }),
  row(31, 'decided long after', ['pending'], null),
  row(32, 'contradicts itself', ['pending'], 'settled', { heard: { events: 2, deliveries: 2 } }),
  row(33, 'answers twice', ['settled'], 'settled', { heard: { events: 1, deliveries: 1 } }),
  row(40, 'unreadable', ['unknown'], 'settled'),
  row(41, 'badly signed', ['unknown'], 'settled'),
  row(42, 'another amount', ['unknown'], 'settled'),
  row(43, 'another reference', ['unknown'], 'settled'),
  row(50, 'hangs, and inquiries fail', ['unknown'], null, { abort: 'executed' }),
  row(51, 'hangs, and inquiries lag', ['unknown'], null, { abort: 'executed' }),
  row(60, 'settles, its refund is dropped', ['settled'], 'settled'),
  row(61, 'settles, its refund is declined', ['settled'], 'settled'),
  row(62, 'settles, and comes back', ['settled'], 'settled', { returned: 1 }),
  row(70, 'settles, missing in the statement', ['settled'], 'settled'),
  row(71, 'settles, altered in the statement', ['settled'], 'settled'),
  row(72, 'settles, twice in the statement', ['settled'], 'settled'),
]

/** The refund of a collect from these accounts meets something; from all others it settles. */
export const MAGIC_REFUNDS: readonly Row[] = [
  row(0, 'settles', ['settled'], 'settled'),
  row(60, 'dropped after', ['unknown'], 'settled'),
  row(61, 'declined', ['declined'], 'declined', { code: 'declined_by_rail' }),
]

const fault = (
  name: string,
  parameters: Readonly<Record<string, string | number | boolean>>,
  first: Row['first'],
  final: Row['final'],
  more: Partial<Row> = {},
): Row => ({
  name: [name, ...Object.values(parameters)].join(' '),
  nn: 0,
  fault: { kind: name, ...parameters },
  first,
  final,
  ...more,
})

const heard = (events: number, deliveries: number): Partial<Row> => ({ heard: { events, deliveries } })

export const FAULTS: readonly Row[] = [
  fault('decline', {}, ['declined'], 'declined'),
  fault('delay', { ms: 300 }, ['settled'], 'settled'),
  fault('pending', { then: 'settled', after_s: 0.5 }, ['pending'], 'settled', heard(1, 1)),
  fault('pending', { then: 'declined', after_s: 0.5 }, ['pending'], 'declined', heard(1, 1)),
  fault('pending', { then: 'settled', after_s: 0.5, callback: false }, ['pending'], 'settled', heard(0, 0)),
  fault('pending', { then: 'never' }, ['pending'], 'declined', { decide: 'declined' }),
  fault('drop_before', {}, ['unknown'], 'not_executed'),
  fault('drop_after', {}, ['unknown'], 'settled'),
  fault('hang_before', { s: 30 }, ['unknown'], 'not_executed', { abort: 'sent' }),
  fault('hang_after', { s: 30 }, ['unknown'], 'settled', { abort: 'executed' }),
  ...[500, 502, 503].flatMap((status) => [
    fault('error_before', { status }, ['unknown'], 'not_executed'),
    fault('error_after', { status }, ['unknown'], 'settled'),
  ]),
  fault('answer_twice', { gap_ms: 100 }, ['settled'], 'settled', heard(1, 1)),
  fault('duplicate_callback', { n: 15, gap_ms: 0 }, ['pending'], 'settled', heard(1, 16)),
  fault('late_callback', { after_s: 1 }, ['pending'], 'settled', heard(1, 1)),
  fault('contradict_callback', { after_s: 0.5 }, ['pending'], 'settled', heard(2, 2)),
  ...['truncated', 'html', 'empty', 'bad_schema', 'wrong_type'].map((mode) =>
    fault('malformed', { mode }, ['unknown'], 'settled'),
  ),
  ...['wrong_key', 'stale', 'digest', 'missing', 'replayed'].map((mode) =>
    fault('bad_signature', { mode }, ['unknown'], 'settled'),
  ),
  ...['amount', 'currency', 'reference'].map((field) => fault('wrong_content', { field }, ['unknown'], 'settled')),
  fault('duplicate_answer', {}, ['unknown'], 'settled'),
  // The order is answered; its inquiries are not, or not truly.
  fault('inquiry_fail', { s: 1 }, ['settled'], 'settled'),
  fault('inquiry_lag', { s: 1 }, ['settled'], null),
  fault('expire', { after_s: 1 }, ['pending'], 'declined'),
  fault('return_later', { after_s: 0.5 }, ['settled'], 'settled', { returned: 1 }),
  fault('return_later', { after_s: 0.5, parts: 2 }, ['settled'], 'settled', { returned: 2 }),
]
