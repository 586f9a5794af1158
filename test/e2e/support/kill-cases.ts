import type { FailpointName } from '../../../src/config/failpoint.ts'
import { COURSE, type Way } from './orders.ts'

/** Where a payment's process dies, and what must become of the payment. */
export type Case = {
  name: string
  way: Way
  step: FailpointName | 'bank-booked'
  /** Which process dies there. */
  dies: RegExp
  /** Every result that is right: one, but where chance decides whether the bank got the whole order. */
  ends: readonly string[]
  expected: string
  /** What must be so before the next process is killed. */
  before: 'gone' | 'back' | 'ended'
}

type Step = Pick<Case, 'step' | 'dies' | 'ends' | 'before'> & { onlyAtBank?: true }

const HUB = /^hub-\d$/
const SUCCEEDED = ['succeeded']
const NOT_EXECUTED = 'failed, not_executed'

/**
 * Every step, in the order in which they are tried. A recovery that only asks or
 * posts is right whatever else dies meanwhile, so the next kill follows at once.
 * One that has still to send waits for its end: another kill between journal and
 * first byte would, rightly, make it `not_executed`.
 */
const STEPS: readonly Step[] = [
  // The money moved and nobody was told: never sent again, found by inquiry.
  { step: 'bank-booked', dies: /^sim-bank$/, ends: SUCCEEDED, before: 'back', onlyAtBank: true },
  // Sending was written down and never happened: the inquiry hears that the bank knows nothing.
  { step: 'journalled', dies: HUB, ends: [NOT_EXECUTED], before: 'gone', onlyAtBank: true },
  { step: 'first-byte-sent', dies: HUB, ends: ['succeeded', NOT_EXECUTED], before: 'gone', onlyAtBank: true },
  // The answer was heard and lost with its hearer: found by inquiry.
  { step: 'answer-received', dies: HUB, ends: SUCCEEDED, before: 'gone', onlyAtBank: true },
  { step: 'outcome-written', dies: HUB, ends: SUCCEEDED, before: 'gone', onlyAtBank: true },
  { step: 'confirmed', dies: HUB, ends: SUCCEEDED, before: 'gone' },
  // Accepted, nobody told: the phone's retry is answered from the key, the sweeper starts the workflow.
  { step: 'accept-after-commit', dies: HUB, ends: SUCCEEDED, before: 'ended' },
  { step: 'reply-sent', dies: HUB, ends: SUCCEEDED, before: 'ended' },
  // Started; its first task dies with the hub and comes back.
  { step: 'started', dies: HUB, ends: SUCCEEDED, before: 'ended' },
  // Nothing is written: the phone's retry under its key makes the payment, some seconds later.
  { step: 'accept-before-commit', dies: HUB, ends: SUCCEEDED, before: 'gone' },
  { step: 'published', dies: /^relay-0$/, ends: SUCCEEDED, before: 'gone' },
  { step: 'pushed', dies: /^edge-0$/, ends: SUCCEEDED, before: 'gone' },
]

const WAYS: readonly Way[] = ['person to person', 'qr from bank', 'withdrawal']

const caseOf = (way: Way, { step, dies, ends, before }: Step): Case => ({
  name: `${way} at ${step}`,
  way,
  step,
  dies,
  ends,
  expected: ends.join(' or '),
  // Between wallets nothing is sent anywhere.
  before: before === 'ended' && COURSE[way].at === null ? 'gone' : before,
})

export const cases: readonly Case[] = STEPS.flatMap((step) =>
  WAYS.filter((way) => COURSE[way].at !== null || step.onlyAtBank === undefined).map((way) => caseOf(way, step)),
)
