import type { WorkflowHandle } from '@temporalio/client'
import type { MandateActivities } from '../../activities/mandate.ts'
import type { RecoveryActivities } from '../../activities/recovery.ts'
import type { RefundActivities } from '../../activities/refund.ts'
import type { MandateNext, RecoveryNext, RefundNext } from '../../src/payments/index.ts'
import type { Part } from '../durable/support/play.ts'
import { decides, HOUR_MS, sleeps, waitsAt, type Way } from './scenes.ts'

/** As scenes.ts, of refunds, mandates and recoveries. */
export type OtherScene = Way & { part: () => Part }

/** What each activity answers, in order. */
type Script<A, N> = Partial<Record<keyof A, N[]>>

/** Activities of these names that follow the script, and past its end say that it is over. */
function follow<N>(names: readonly string[], script: Partial<Record<string, N[]>>, over: N) {
  const left = structuredClone(script)
  return Object.fromEntries(names.map((name) => [name, () => Promise.resolve(left[name]?.shift() ?? over)]))
}
const decided = () => Promise.resolve({ done: 'Recorded.' })

const REFUND = ['lookAtRefund', 'dispatchRefund', 'confirmRefund', 'releaseRefund', 'inquireAboutRefund'] as const
const refund = (script: Script<Omit<RefundActivities, 'decideRefund'>, RefundNext>) => (): Part => ({
  workflow: 'refund',
  activities: { ...follow(REFUND, script, { step: 'done', status: 'succeeded' }), decideRefund: decided },
})
const submit: RefundNext = { step: 'dispatch', call: 'submit', afterMs: 0 }
const declined: RefundNext = {
  step: 'release',
  end: { status: 'failed', failure: { code: 'declined_by_rail', message: 'The refund was declined.' } },
}
const failed: RefundNext = { step: 'done', status: 'failed' }
type Waiting = Extract<RefundNext, { step: 'wait' }>
const refundWaits = (stage: Waiting['stage'], ms = HOUR_MS): RefundNext => ({
  step: 'wait',
  ms,
  why: 'the scene',
  stage,
})

const REFUNDS: readonly OtherScene[] = [
  { name: 'succeeded-at-once', part: refund({ lookAtRefund: [submit], dispatchRefund: [{ step: 'confirm' }] }) },
  {
    name: 'succeeded-after-inquiries',
    part: refund({
      lookAtRefund: [submit],
      dispatchRefund: [refundWaits('awaiting_rail', 20)],
      inquireAboutRefund: [refundWaits('outcome_unknown', 20), { step: 'confirm' }],
    }),
  },
  {
    name: 'succeeded-by-an-operator',
    part: refund({
      lookAtRefund: [submit, { step: 'confirm' }],
      dispatchRefund: [refundWaits('outcome_unknown')],
    }),
    meanwhile: decides('resolve'),
  },
  {
    name: 'failed-declined',
    part: refund({ lookAtRefund: [submit], dispatchRefund: [declined], releaseRefund: [failed] }),
  },
  {
    name: 'failed-not-sent',
    part: refund({
      lookAtRefund: [submit],
      dispatchRefund: [{ step: 'dispatch', call: 'submit', afterMs: 30 }, declined],
      releaseRefund: [failed],
    }),
  },
  {
    name: 'failed-after-inquiries',
    part: refund({
      lookAtRefund: [submit],
      dispatchRefund: [refundWaits('outcome_unknown', 20)],
      inquireAboutRefund: [declined],
      releaseRefund: [failed],
    }),
  },
  {
    name: 'waits-for-the-rail',
    part: refund({ lookAtRefund: [submit], dispatchRefund: [refundWaits('awaiting_rail')] }),
    waiting: waitsAt('awaiting_rail'),
  },
  {
    name: 'waits-with-an-unknown-outcome',
    part: refund({
      lookAtRefund: [submit],
      dispatchRefund: [refundWaits('awaiting_rail', 20)],
      inquireAboutRefund: [refundWaits('outcome_unknown')],
    }),
    waiting: waitsAt('outcome_unknown'),
  },
  {
    name: 'waits-for-an-operator',
    part: refund({ lookAtRefund: [submit], dispatchRefund: [refundWaits('needs_operator')] }),
    waiting: waitsAt('needs_operator'),
  },
  {
    name: 'waits-to-send-again',
    part: refund({ lookAtRefund: [submit], dispatchRefund: [{ step: 'dispatch', call: 'submit', afterMs: HOUR_MS }] }),
    waiting: sleeps,
  },
]

const MANDATE = ['lookAtMandate', 'askForMandate'] as const
const mandate = (script: Script<MandateActivities, MandateNext>) => (): Part => ({
  workflow: 'mandate',
  activities: follow(MANDATE, script, { step: 'done', status: 'active' }),
})
const mandateWaits = (ms = HOUR_MS): MandateNext => ({ step: 'wait', ms, bank: 'demo-bank' })
const revoked: MandateNext = { step: 'done', status: 'revoked' }
/** A mandate answers no query. */
const hasTimer = async (handle: WorkflowHandle) =>
  (await handle.fetchHistory()).events?.some((event) => event.timerStartedEventAttributes) ?? false

const MANDATES: readonly OtherScene[] = [
  { name: 'accepted-at-once', part: mandate({}) },
  {
    name: 'accepted-after-inquiries',
    part: mandate({ lookAtMandate: [mandateWaits(20)], askForMandate: [mandateWaits(20)] }),
  },
  { name: 'declined', part: mandate({ lookAtMandate: [mandateWaits(20)], askForMandate: [revoked] }) },
  {
    name: 'unlinked',
    part: mandate({ lookAtMandate: [mandateWaits(), revoked] }),
    meanwhile: async (handle) => {
      while (!(await hasTimer(handle))) await new Promise((resolve) => setImmediate(resolve))
      await handle.signal('look')
    },
  },
  { name: 'waits-for-the-bank', part: mandate({ lookAtMandate: [mandateWaits()] }), waiting: hasTimer },
]

const RECOVERY = ['recover', 'askAgain'] as const
type Recovered = Extract<RecoveryNext, { step: 'done' }>['status']
const recovery =
  (status: Recovered, script: Script<Omit<RecoveryActivities, 'decideRecovery'>, RecoveryNext>) => (): Part => ({
    workflow: 'recovery',
    activities: { ...follow(RECOVERY, script, { step: 'done', status }), decideRecovery: decided },
  })
const asks = (ms = 0): RecoveryNext => ({ step: 'wait', ms, why: 'an inquiry', stage: 'awaiting_rail' })
const needsPeople: RecoveryNext = { step: 'wait', ms: HOUR_MS, why: 'an operator', stage: 'needs_operator' }

const RECOVERIES: readonly OtherScene[] = [
  { name: 'late-settlement', part: recovery('failed', { recover: [asks()] }) },
  { name: 'late-settlement-of-a-canceled', part: recovery('canceled', { recover: [asks()], askAgain: [asks(20)] }) },
  { name: 'late-settlement-of-an-expired', part: recovery('expired', { recover: [asks()], askAgain: [asks(20)] }) },
  { name: 'return', part: recovery('succeeded', {}) },
  { name: 'return-before-the-end', part: recovery('succeeded', { recover: [asks(20)], askAgain: [asks(20)] }) },
  {
    name: 'dispute-said-twice',
    part: recovery('succeeded', { recover: [asks(HOUR_MS)] }),
    meanwhile: async (handle) => {
      while (!(await waitsAt('awaiting_rail')(handle))) await new Promise((resolve) => setImmediate(resolve))
      await handle.signal('look')
    },
  },
  {
    name: 'by-an-operator',
    part: recovery('failed', { recover: [asks()], askAgain: [needsPeople] }),
    meanwhile: async (handle) => {
      while (!(await waitsAt('needs_operator')(handle))) await new Promise((resolve) => setImmediate(resolve))
      await decides('approve')(handle)
    },
  },
  {
    name: 'waits-for-the-rail',
    part: recovery('failed', { recover: [asks(HOUR_MS)] }),
    waiting: waitsAt('awaiting_rail'),
  },
  {
    name: 'waits-for-an-operator',
    part: recovery('failed', { recover: [needsPeople] }),
    waiting: waitsAt('needs_operator'),
  },
]

const named = (workflow: string, scenes: readonly OtherScene[]) =>
  scenes.map((scene) => ({ ...scene, name: `${workflow}-${scene.name}` }))

export const OTHER_SCENES: readonly OtherScene[] = [
  ...named('refund', REFUNDS),
  ...named('mandate', MANDATES),
  ...named('recovery', RECOVERIES),
]
