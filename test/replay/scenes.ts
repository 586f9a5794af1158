import type { WorkflowHandle } from '@temporalio/client'
import type { OpsUpdate } from '../../src/contract/names.ts'
import type { Next, Stage } from '../../src/payments/index.ts'
import type { LifeState } from '../../workflows/life.ts'
import type { Script } from '../durable/support/play.ts'

/**
 * One payment for each way in which its workflow ends and for each state in which it waits: their histories are
 * kept (`node test/replay/record.ts`), and every later build must be able to go on from them. Those of the other
 * workflows are in other-scenes.ts.
 */
export type Way = {
  name: string
  /** What happens meanwhile; for one that ends. */
  meanwhile?: (handle: WorkflowHandle) => Promise<void>
  /** Its history is taken while it is so; left out: at its end. */
  waiting?: (handle: WorkflowHandle) => Promise<boolean>
}
export type Scene = Way & { script: Script }

export const HOUR_MS = 3_600_000
const submit: Next = { step: 'dispatch', call: 'submit', afterMs: 0 }
const prepare: Next = { step: 'dispatch', call: 'prepare', afterMs: 0 }
const wait = (stage: Stage, ms = HOUR_MS): Next => ({ step: 'wait', ms, why: 'the scene', stage })

const stateOf = (handle: WorkflowHandle) => handle.query<LifeState>('state')
export const waitsAt = (stage: Stage) => async (handle: WorkflowHandle) => (await stateOf(handle)).stage === stage
export const sleeps = async (handle: WorkflowHandle) => (await stateOf(handle)).step === 'dispatch'

export const decides = (update: OpsUpdate) => async (handle: WorkflowHandle) => {
  await handle.executeUpdate(update, { args: [{ approval: 'apr_00000000000000000001' }] })
}

export const SCENES: readonly Scene[] = [
  { name: 'succeeded-at-once', script: { reserve: [submit], dispatch: [{ step: 'confirm' }] } },
  { name: 'succeeded-in-our-books', script: { reserve: [{ step: 'confirm' }] } },
  {
    name: 'succeeded-two-steps',
    script: {
      reserve: [prepare],
      dispatch: [{ step: 'dispatch', call: 'confirm', afterMs: 0 }, { step: 'confirm' }],
    },
  },
  {
    name: 'succeeded-after-inquiries',
    script: {
      reserve: [submit],
      dispatch: [wait('awaiting_rail', 20)],
      inquire: [wait('outcome_unknown', 20), { step: 'confirm' }],
    },
  },
  {
    name: 'succeeded-by-an-operator',
    script: { reserve: [submit], dispatch: [wait('outcome_unknown')], look: [{ step: 'confirm' }] },
    meanwhile: decides('resolve'),
  },
  {
    name: 'succeeded-after-a-code',
    script: {
      reserve: [prepare],
      dispatch: [
        { step: 'hold', until: 'requires_action' },
        { step: 'dispatch', call: 'confirm', afterMs: 0 },
        { step: 'confirm' },
      ],
      hold: [wait('awaiting_payer')],
      look: [{ step: 'dispatch', call: 'validate', afterMs: 0 }],
    },
    meanwhile: (handle) => handle.signal('look'),
  },
  {
    name: 'failed-declined',
    script: {
      reserve: [submit],
      dispatch: [{ step: 'release', end: { status: 'failed' } }],
      release: [{ step: 'done', status: 'failed' }],
    },
  },
  {
    name: 'failed-not-sent',
    script: {
      reserve: [submit],
      dispatch: [
        { step: 'dispatch', call: 'submit', afterMs: 30 },
        { step: 'release', end: { status: 'failed' } },
      ],
      release: [{ step: 'done', status: 'failed' }],
    },
  },
  {
    name: 'canceled-while-held',
    script: {
      reserve: [{ step: 'hold', until: 'requires_capture' }],
      hold: [wait('awaiting_merchant')],
      look: [{ step: 'release', end: { status: 'canceled' } }],
      release: [{ step: 'done', status: 'canceled' }],
    },
    meanwhile: (handle) => handle.signal('look'),
  },
  {
    name: 'expired-too-late',
    script: {
      reserve: [{ step: 'release', end: { status: 'expired' } }],
      release: [{ step: 'done', status: 'expired' }],
    },
  },
  {
    name: 'waits-for-the-rail',
    script: { reserve: [submit], dispatch: [wait('awaiting_rail')] },
    waiting: waitsAt('awaiting_rail'),
  },
  {
    name: 'waits-with-an-unknown-outcome',
    script: { reserve: [submit], dispatch: [wait('awaiting_rail', 20)], inquire: [wait('outcome_unknown')] },
    waiting: waitsAt('outcome_unknown'),
  },
  {
    name: 'waits-for-an-operator',
    script: { reserve: [submit], dispatch: [wait('needs_operator')] },
    waiting: waitsAt('needs_operator'),
  },
  {
    name: 'waits-for-the-payer',
    script: {
      reserve: [prepare],
      dispatch: [{ step: 'hold', until: 'requires_action' }],
      hold: [wait('awaiting_payer')],
    },
    waiting: waitsAt('awaiting_payer'),
  },
  {
    name: 'waits-for-the-merchant',
    script: { reserve: [{ step: 'hold', until: 'requires_capture' }], hold: [wait('awaiting_merchant')] },
    waiting: waitsAt('awaiting_merchant'),
  },
  {
    name: 'waits-to-send-again',
    script: { reserve: [submit], dispatch: [{ step: 'dispatch', call: 'submit', afterMs: HOUR_MS }] },
    waiting: sleeps,
  },
]
