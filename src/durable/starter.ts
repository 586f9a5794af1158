import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from '@temporalio/client'
import { WorkflowExecutionAlreadyStartedError, WorkflowIdReusePolicy, WorkflowNotFoundError } from '@temporalio/client'
import { recoveryId } from '../domain/ids.ts'
import type { Log } from '../observe/log.ts'
import type { About, Late } from '../payments/index.ts'
import { searchable } from './attributes.ts'
import { DURABLE_LIMITS } from './limits.ts'
import { makeStartLine } from './start-line.ts'

/**
 * Starts the workflows of payments and refunds, eagerly, on the connection the worker polls: the
 * first task runs in this process without a round trip. Bounded and behind a
 * circuit; what cannot be started now is left to the sweeper.
 */
export type Starter = {
  /** Asks for a start and returns at once. A payment whose workflow runs or ran is left alone. */
  start(payment: string, about: About, started?: () => void): void
  /**
   * As `start`, for those that should have begun a while ago, longest first. Their first tasks are anybody's: an eager
   * one travels in the answer, and is lost for the whole of the task's time-out where that does not come. Temporal is
   * offered the first of them only: it does what it has in its order, and whoever waits there for long expires meanwhile.
   */
  startLate(late: readonly Late[]): void
  /**
   * For one alone, also where one completed though the payment did not (a commit lost in a fail-over, a hand at Temporal);
   * one that runs is told to look, as what it was to be told may have been lost, and one whose tasks fail begins anew.
   */
  restart(payment: string, about: About): void
  /** As `restart`, for the recovery of this evidence; best effort, the patrol does it again. */
  recover(evidence: { id: string; payment: string }): void
  /** Tells a payment's workflow to look; best effort: the sweeper and the patrol are behind it. */
  wake(payment: string): void
  /** Whether the circuit is open: starts have failed in a row, and Temporal has answered nothing since. */
  isAway(): boolean
  /** How many starts wait for their turn, and how many may be waited for at once. */
  line(): { waiting: number; window: number }
  drain(): Promise<void>
}

/** Temporal's own search attribute: there while a workflow's tasks have failed several times in a row. */
const PROBLEMS = 'TemporalReportedProblems'

/** No payment is called so. */
const PROBE = 'mooring-starter-probe'

/** Whose life it is tells its id; a mandate's is its source's. The workflow's one argument is the id, by this name. */
const WORKFLOWS = { pay: ['payment', 'payment'], rfd: ['refund', 'refund'], src: ['mandate', 'source'] } as const
const lifeOf = (id: string, about: About) => {
  const prefix = id.slice(0, 3)
  if (prefix !== 'pay' && prefix !== 'rfd' && prefix !== 'src') throw new Error(`nothing of ${id} has a workflow`)
  const [type, argument] = WORKFLOWS[prefix]
  return { type, workflowId: id, args: [{ [argument]: id }], typedSearchAttributes: searchable(about) }
}
const recoveryOf = ({ id, payment }: { id: string; payment: string }) => ({
  type: 'recovery',
  workflowId: recoveryId(payment, id),
  args: [{ evidence: id }],
})
type Life = ReturnType<typeof lifeOf> | ReturnType<typeof recoveryOf>

export function makeStarter(deps: {
  client: Client
  log: Log
  workflowTaskTimeoutMs: number
  /** Where its workers poll. */
  taskQueue?: string
}): Starter {
  const { client, log, taskQueue = DURABLE_LIMITS.task_queue } = deps
  const line = makeStartLine({ monotonic: () => performance.now() })
  /** What Temporal has said it has, and until when that is not asked again, by monotonic ms; in the order of time. */
  const known = new Map<string, number>()
  let failures = 0
  let pausedUntil = 0
  let probing = false
  const stopping = new AbortController()

  const isAway = () => failures >= DURABLE_LIMITS.start_failures

  /**
   * The deadline of a call is each try's, and the client tries again by itself (with Temporal killed a start failed after
   * 10 s): whoever waits is told at the deadline. A start that arrives all the same is the one that was asked for.
   */
  async function inTime<T>(call: () => Promise<T>, listenMs: number = DURABLE_LIMITS.start_deadline_ms): Promise<T> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('Temporal did not answer in time')), DURABLE_LIMITS.start_deadline_ms)
    })
    try {
      return await Promise.race([client.withDeadline(Date.now() + listenMs, call), late])
    } finally {
      clearTimeout(timer)
    }
  }

  /**
   * Asks after a workflow that does not exist, which only a Temporal that reads its database can say: while payments
   * take the express lane nobody else would notice that it is back.
   */
  async function probe(): Promise<void> {
    if (probing) return
    probing = true
    while (isAway() && !stopping.signal.aborted) {
      await delay(DURABLE_LIMITS.start_pause_ms, undefined, { ref: false, signal: stopping.signal }).catch(() => {})
      try {
        await inTime(() => client.workflow.getHandle(PROBE).describe())
        failures = 0
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) failures = 0
      }
    }
    probing = false
  }

  function startLife(
    { type, ...life }: Life,
    reuse: WorkflowIdReusePolicy,
    requestEagerStart: boolean,
    conflict: 'FAIL' | 'TERMINATE_EXISTING' = 'FAIL',
  ) {
    return client.workflow.start(type, {
      ...life,
      taskQueue,
      requestEagerStart,
      workflowIdReusePolicy: reuse,
      workflowIdConflictPolicy: conflict,
      workflowTaskTimeout: deps.workflowTaskTimeoutMs,
    })
  }

  function answered(id: string, sinceMs: number): void {
    const now = performance.now()
    failures = 0
    line.learn('answered', now - sinceMs)
    for (const [other, until] of known) {
      if (until > now) break
      known.delete(other)
    }
    known.delete(id)
    known.set(id, now + DURABLE_LIMITS.start_again_ms)
  }

  function wake(id: string): void {
    client
      .withDeadline(Date.now() + DURABLE_LIMITS.signal_deadline_ms, () => client.workflow.getHandle(id).signal('look'))
      .catch((error: unknown) => log.debug({ err: error, workflow: id }, 'a workflow could not be told to look'))
  }

  /**
   * One whose tasks fail again and again hears nothing: a hub that stood still while Temporal gave its task away may leave
   * a history that no replay agrees with, and a build may have a fault. All it knows is in Postgres, so it begins anew.
   */
  async function lookAgain(life: Life): Promise<void> {
    const id = life.workflowId
    const deadline = () => Date.now() + DURABLE_LIMITS.signal_deadline_ms
    const { raw } = await client.withDeadline(deadline(), () => client.workflow.getHandle(id).describe())
    if (raw.workflowExecutionInfo?.searchAttributes?.indexedFields?.[PROBLEMS] === undefined) {
      wake(id)
      return
    }
    log.error({ workflow: id }, 'the tasks of a workflow fail; it begins anew')
    await client.withDeadline(deadline(), () =>
      startLife(life, WorkflowIdReusePolicy.ALLOW_DUPLICATE, false, 'TERMINATE_EXISTING'),
    )
  }

  async function startNow(id: string, start: () => Promise<unknown>, how: Begin): Promise<void> {
    const { started, running, listenMs } = how
    const sinceMs = performance.now()
    try {
      await inTime(start, listenMs)
      answered(id, sinceMs)
      started?.()
    } catch (error) {
      if (error instanceof WorkflowExecutionAlreadyStartedError) {
        answered(id, sinceMs)
        running?.()
        return
      }
      failures += 1
      line.learn('failed', performance.now() - sinceMs)
      if (isAway()) {
        pausedUntil = performance.now() + DURABLE_LIMITS.start_pause_ms
        line.clear()
        void probe()
      }
      log.warn({ err: error, workflow: id }, 'a workflow could not be started; the sweeper will')
    }
  }

  type Begin = {
    lane: 'fresh' | 'late'
    started?: (() => void) | undefined
    running?: () => unknown
    listenMs?: number
  }

  function begin(id: string, start: () => Promise<unknown>, how: Begin): void {
    if (performance.now() < pausedUntil) return
    line.add(id, how.lane, () => startNow(id, start, how))
  }

  /** Refused while it runs, which few do. A run too many reads where its payment or evidence stands and ends. */
  function again(life: Life): void {
    const { workflowId } = life
    begin(workflowId, () => startLife(life, WorkflowIdReusePolicy.ALLOW_DUPLICATE, false), {
      lane: 'late',
      running: () =>
        lookAgain(life).catch((error: unknown) =>
          log.debug({ err: error, workflow: workflowId }, 'a workflow could not be looked after'),
        ),
    })
  }

  const isKnown = (id: string): boolean => (known.get(id) ?? 0) > performance.now()

  return {
    start(payment, about, started) {
      // Refuses while it runs or once it completed; allows after a terminate (payments.md, Accept, start, run).
      begin(payment, () => startLife(lifeOf(payment, about), WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY, true), {
        lane: 'fresh',
        started,
        listenMs: DURABLE_LIMITS.eager_answer_ms,
      })
    },
    startLate(late) {
      for (const { id, about } of late.slice(0, DURABLE_LIMITS.late_offered)) {
        if (isKnown(id)) continue
        begin(id, () => startLife(lifeOf(id, about), WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY, false), {
          lane: 'late',
        })
      }
    },
    restart: (payment, about) => again(lifeOf(payment, about)),
    recover: (evidence) => again(recoveryOf(evidence)),
    wake,
    isAway,
    line: () => line.look(),
    async drain() {
      stopping.abort()
      line.clear()
      await line.settled()
    },
  }
}
