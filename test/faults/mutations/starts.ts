import { broken, type Mutation } from '../../support/mutations/mutation.ts'

/** How workflows are started where Temporal is busy, or was away. */

const STARTER = 'src/durable/starter.ts'
const line = broken('src/durable/start-line.ts', 'test/durable/start-line.test.ts')
const starter = broken(STARTER, 'test/durable/starter.temporal.test.ts')

export const STARTS: readonly Mutation[] = [
  line(
    'asks a Temporal that has just come back for everything at once',
    "outcome === 'failed' ? Math.floor(window / 2) :",
    '',
  ),
  line('has as many starts in flight as come, however long Temporal takes', 'tookMs > slowMs ? -1 : 1', '1'),
  line('starts those first that have waited long as it is', 'turns % DURABLE_LIMITS.late_turn === 0', 'true'),
  line(
    'starts what is late when nothing is fresh, which may be never',
    'turns % DURABLE_LIMITS.late_turn === 0',
    'false',
  ),
  line('serves a line in which all have waited until they expired', 'if (entry.since >= longAgo) return', 'return'),
  line('lets what is late fill the place of the fresh', 'lanes[lane].size >=', 'lanes.fresh.size + lanes.late.size >='),
  starter('hangs up before the answer that brings the first task', 'listenMs: DURABLE_LIMITS.eager_answer_ms,', ''),
  starter('offers Temporal again and again what it has said it has', 'if (isKnown(id)) continue', ''),
  starter('hands all that are late to Temporal at once', 'late.slice(0, DURABLE_LIMITS.late_offered)', 'late'),
  starter(
    'leaves a workflow whose tasks fail as it is',
    'indexedFields?.[PROBLEMS] === undefined',
    'indexedFields?.[PROBLEMS] !== null',
  ),
  starter(
    'leaves a recovery whose tasks fail as it is',
    'running: () =>\n        lookAgain(life)',
    "running: () =>\n        (life.type === 'recovery' ? Promise.resolve(wake(workflowId)) : lookAgain(life))",
  ),
  broken('src/durable/schedules.ts', 'test/durable/schedules.temporal.test.ts')(
    'has a review that hangs be the last',
    'workflowExecutionTimeout: withinMs } }))',
    'workflowExecutionTimeout: 0 } }))',
  ),
  broken(STARTER, 'test/durable/refund.temporal.test.ts')(
    'gives the first task of a late start to an answer that may be lost',
    'startLife(lifeOf(id, about), WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY, false)',
    'startLife(lifeOf(id, about), WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY, true)',
  ),
  broken('src/payments/admission.ts', 'test/faults/temporal-away.e2e.test.ts')(
    'posts nothing between wallets while Temporal is away',
    "if (expressible && deps.mode === 'overload' && strained) return 'express'",
    '',
  ),
  broken('src/payments/admission.ts', 'test/payments/express.pg.test.ts')(
    'lets one user begin payments until the backlog is full',
    'beginnings.take(user)',
    'beginnings.take(crypto.randomUUID())',
  ),
  broken('src/payments/commands/accept.ts', 'test/payments/express.pg.test.ts')(
    'counts what never began against its user',
    'begun?.value()\n      if (place',
    'if (place',
  ),
]
