import type { FailpointName } from '../../../src/config/failpoint.ts'
import { FAULT_ROWS, type FaultRow } from '../../e2e/support/fault-rows.ts'

/**
 * The hub's failpoints that lie around the commits of a payment at a rail, in the order of its life, and the rows
 * whose payments pass each of them for certain.
 */
export type Point = {
  step: FailpointName
  passedBy: (row: FaultRow) => boolean
  /** Whether it is passed once a call: an operator's first call is then not the one of the row. */
  eachCall?: true
}

const kindOf = ({ faults }: FaultRow): string => faults[0]?.kind ?? ''
const isOneOf =
  (...kinds: readonly string[]) =>
  (row: FaultRow): boolean =>
    kinds.includes(kindOf(row))

const always = () => true
/** No answer within the fast window. */
const isSlow = isOneOf('delay', 'hang_before', 'hang_after')
const isLost = isOneOf('drop_before', 'drop_after', 'hang_before', 'hang_after', 'error_before', 'error_after')
const isUnreadable = isOneOf('malformed', 'bad_signature', 'wrong_content', 'duplicate_answer')
/** What the answer does not say must be asked for. */
const isAsked = (row: FaultRow): boolean =>
  row.waits && (isLost(row) || isUnreadable(row) || row.faults[0]?.['callback'] === false)
/** Callbacks that say the outcome: a bank's. Others only wake an inquiry. */
const isCalledBack = (row: FaultRow): boolean =>
  row.rail === 'bank' &&
  (isOneOf('late_callback', 'duplicate_callback')(row) ||
    (kindOf(row) === 'pending' && row.decide === undefined && row.faults[0]?.['callback'] !== false))

/**
 * Its outcome ends the payment in the same commit, and a step of its workflow was waiting for that: not where a callback
 * says it, nor where the answer is later than the fast window.
 */
const isEndedByStep = (row: FaultRow): boolean =>
  row.ends === 'succeeded' && (row.waits ? isAsked(row) : kindOf(row) !== 'answer_twice')

const around = (steps: readonly FailpointName[], passedBy: Point['passedBy'], eachCall?: true): Point[] =>
  steps.map((step) => ({ step, passedBy, ...(eachCall === undefined ? {} : { eachCall }) }))

export const POINTS: readonly Point[] = [
  ...around(['accept-before-commit', 'accept-after-commit', 'reply-sent', 'started'], always),
  ...around(['journal-before-commit', 'journalled', 'first-byte-sent'], always, true),
  ...around(['answer-received', 'outcome-written'], always, true),
  ...around(['awaiting-before-commit', 'awaiting-written'], isSlow),
  ...around(['inquiry-answered', 'inquiry-written'], isAsked),
  ...around(['callback-heard', 'callback-written'], isCalledBack),
  ...around(['confirmed'], isEndedByStep),
  ...around(['release-before-commit', 'released'], ({ ends }) => ends !== 'succeeded'),
]

export const SIGNALS = ['SIGKILL', 'SIGSTOP'] as const
export type Signal = (typeof SIGNALS)[number]

/** One row, struck at one point by one signal. */
export type Blow = { row: FaultRow; point: Point; signal: Signal }

/**
 * A bank that contradicts its own signed word is believed in the order in which it is heard, and a blow may change that
 * order: it stays with test/e2e/rails.e2e.test.ts.
 */
const isOrdered = (row: FaultRow): boolean => row.rail !== 'bank' || kindOf(row) !== 'contradict_callback'

/** The whole product. */
export const BLOWS: readonly Blow[] = POINTS.flatMap((point) =>
  SIGNALS.flatMap((signal) =>
    FAULT_ROWS.filter((row) => isOrdered(row) && point.passedBy(row)).map((row) => ({
      row,
      point,
      signal,
    })),
  ),
)

/** Times it is passed before: a reservation comes before the call of a row about its code or its confirmation. */
export const passesOf = ({ row, point }: Blow): number =>
  point.eachCall && (row.on.step === 'validate' || row.on.step === 'confirm') ? 1 : 0
