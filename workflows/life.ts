import {
  CancellationScope,
  allHandlersFinished,
  condition,
  defineQuery,
  defineSignal,
  defineUpdate,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
  type ActivityOptions,
  type LocalActivityOptions,
} from '@temporalio/workflow'
import { ActivityFailure, ApplicationFailure, SearchAttributeType, defineSearchAttributeKey } from '@temporalio/common'
import { OPS_UPDATES, REFUSED, type OpsUpdate } from '../src/contract/names.ts'
import type { Next, Stage } from '../src/payments/index.ts'

/**
 * The life of one durable actor, a payment or a refund: it asks its steps what comes
 * next until there is nothing left, and is watched and steered by operators meanwhile.
 * What it does it reads from Postgres; what it is told says only "look", or names an
 * approval that Postgres knows.
 */

/** Ledger steps and a rail's first call, within the first workflow task. Compensation never gives up. */
export const LOCAL = {
  startToCloseTimeout: '30 seconds',
  retry: { initialInterval: '100 ms', backoffCoefficient: 2, maximumInterval: '5 seconds' },
} satisfies LocalActivityOptions

/** What may take long: off the happy path. It never gives up either. */
export const PATIENT = {
  // A little above the rail's deadline: one lost with its process is made again soon.
  startToCloseTimeout: '12 seconds',
  retry: { initialInterval: '500 ms', backoffCoefficient: 2, maximumInterval: '30 seconds' },
} satisfies ActivityOptions

/** "Look": something about it was written down. It carries no facts. */
export const look = defineSignal('look')

/** Where it stands, for operators. */
export type LifeState = {
  step: Next['step'] | 'starting'
  waitsFor: string | null
  stage: Stage | null
  until: string | null
}
export const state = defineQuery<LifeState>('state')

/** What it did and what came of it, newest last, the last `TIMELINE_MAX` of this run. */
export type TimelineEntry = { at: string; did: string; next: string }
export const timeline = defineQuery<TimelineEntry[]>('timeline')

/** All an operator's update carries; who decided what, and why, is in the approval's row. */
export type Approved = { approval: string }
/** What became of it, in words. */
export type Decided = { done: string }

const updates = OPS_UPDATES.map((name) => [name, defineUpdate<Decided, [Approved]>(name)] as const)

const STAGE = defineSearchAttributeKey('MooringStage', SearchAttributeType.KEYWORD)
const TIMELINE_MAX = 200
const APPROVAL = /^apr_[0-9A-Za-z]{8,40}$/

export type LifeSteps = {
  reserve(): Promise<Next>
  dispatch(): Promise<Next>
  confirm(): Promise<Next>
  release(): Promise<Next>
  hold(): Promise<Next>
  look(): Promise<Next>
  /** May take as long as the rail's deadline. */
  inquire(): Promise<Next>
  /** Checks and consumes an operator's approval and does what it says; `by` names this very update. */
  decide(update: OpsUpdate, approval: string, by: string): Promise<Decided>
}

type Step = Exclude<keyof LifeSteps, 'decide'>

// Promises are few on purpose: Temporal takes a stack trace for each.
export function live(steps: LifeSteps, again: () => Promise<never>): Promise<{ status: string }> {
  let seen = 0
  let looks = 0
  let staged = false
  let at: LifeState = { step: 'starting', waitsFor: null, stage: null, until: null }
  const entries: TimelineEntry[] = []

  setHandler(look, () => {
    looks += 1
  })
  setHandler(state, () => at)
  setHandler(timeline, () => entries)
  for (const [name, update] of updates) {
    setHandler(
      update,
      async ({ approval }) => {
        const by = `${workflowInfo().workflowId}/${workflowInfo().runId}/${approval}`
        const decided = await CancellationScope.nonCancellable(() => steps.decide(name, approval, by)).catch(sayWhy)
        note(name, decided.done)
        looks += 1
        return decided
      },
      { validator: checkApproval },
    )
  }

  function note(did: string, next: string): void {
    if (entries.length === TIMELINE_MAX) entries.shift()
    entries.push({ at: new Date(Date.now()).toISOString(), did, next })
  }

  function taken(step: Step, next: Next): Next {
    note(step, inWords(next))
    return next
  }

  /** Until the time is over, or somebody says "look", whichever is first. */
  async function sleeps(ms: number): Promise<'woken' | 'slept'> {
    const woken = ms > 0 && (await condition(() => looks > seen, ms))
    seen = looks
    return woken ? 'woken' : 'slept'
  }

  async function wait(next: Extract<Next, { step: 'wait' }>): Promise<Next> {
    const until = new Date(Date.now() + next.ms).toISOString()
    const changed = at.stage !== next.stage
    at = { step: 'wait', waitsFor: next.why, stage: next.stage, until }
    if (changed) upsertSearchAttributes([{ key: STAGE, value: next.stage }])
    staged = true
    setCurrentDetails(`Waits for ${next.why}, until ${until}; then it looks again by itself.`)
    const ended = await sleeps(next.ms)
    // A history that has grown long is left behind: all that matters is in Postgres.
    if (workflowInfo().continueAsNewSuggested) {
      await condition(allHandlersFinished)
      return again()
    }
    const step = ended === 'woken' ? 'look' : 'inquire'
    return taken(step, await steps[step]())
  }

  return CancellationScope.nonCancellable(async () => {
    let next = taken('reserve', await steps.reserve())
    for (;;) {
      if (next.step === 'wait') {
        next = await wait(next)
        continue
      }
      at = { step: next.step, waitsFor: null, stage: at.stage, until: null }
      if (next.step === 'done') {
        if (staged) {
          upsertSearchAttributes([{ key: STAGE, value: null }])
          setCurrentDetails(`Ended: ${next.status}.`)
        }
        if (!allHandlersFinished()) await condition(allHandlersFinished)
        return { status: next.status }
      }
      if (next.step === 'dispatch' && next.afterMs > 0 && (await sleeps(next.afterMs)) === 'woken') {
        next = taken('look', await steps.look())
      } else {
        if (next.step === 'dispatch') seen = looks
        next = taken(next.step, await steps[next.step]())
      }
    }
  })
}

/** The refusal itself, and not that an activity failed: it is an operator who reads it. */
function sayWhy(error: unknown): never {
  throw error instanceof ActivityFailure && error.cause instanceof ApplicationFailure ? error.cause : error
}

/** Nothing but the name of an approval: an operator who says more is told so before anything happens. */
function checkApproval(said: Approved, ...more: unknown[]): void {
  const fields = typeof said === 'object' && said !== null ? Object.keys(said) : []
  if (more.length > 0 || fields.length !== 1 || typeof said.approval !== 'string' || !APPROVAL.test(said.approval)) {
    throw ApplicationFailure.nonRetryable(
      'An update takes {"approval":"apr_…"}, made by the ops service for a logged-in operator, and nothing else.',
      `${REFUSED}approval_required`,
    )
  }
}

function inWords(next: Next): string {
  switch (next.step) {
    case 'dispatch':
      return next.afterMs > 0 ? `${next.call} again in ${next.afterMs} ms` : next.call
    case 'confirm':
      return 'post'
    case 'release':
      return `release: ${next.end.status}${next.end.failure === undefined ? '' : `, ${next.end.failure.code}`}`
    case 'hold':
      return next.until
    case 'wait':
      return `wait for ${next.why}`
    case 'done':
      return next.status
  }
}
