import type { Mutation } from '../../support/mutations/mutation.ts'

/** How workflows are started where Temporal is busy, or was away. */

const STARTER = 'src/durable/starter.ts'
const LINE = 'src/durable/start-line.ts'

export const STARTS: readonly Mutation[] = [
  {
    name: 'asks a Temporal that has just come back for everything at once',
    tests: ['test/durable/start-line.test.ts'],
    edits: [{ file: LINE, from: "outcome === 'failed' ? Math.floor(window / 2) :", to: '' }],
  },
  {
    name: 'has as many starts in flight as come, however long Temporal takes',
    tests: ['test/durable/start-line.test.ts'],
    edits: [{ file: LINE, from: 'tookMs > slowMs ? -1 : 1', to: '1' }],
  },
  {
    name: 'starts those first that have waited long as it is',
    tests: ['test/durable/start-line.test.ts'],
    edits: [{ file: LINE, from: 'turns % DURABLE_LIMITS.late_turn === 0', to: 'true' }],
  },
  {
    name: 'starts what is late when nothing is fresh, which may be never',
    tests: ['test/durable/start-line.test.ts'],
    edits: [{ file: LINE, from: 'turns % DURABLE_LIMITS.late_turn === 0', to: 'false' }],
  },
  {
    name: 'serves a line in which all have waited until they expired',
    tests: ['test/durable/start-line.test.ts'],
    edits: [{ file: LINE, from: 'if (entry.since >= longAgo) return', to: 'return' }],
  },
  {
    name: 'lets what is late fill the place of the fresh',
    tests: ['test/durable/start-line.test.ts'],
    edits: [{ file: LINE, from: 'lanes[lane].size >=', to: 'lanes.fresh.size + lanes.late.size >=' }],
  },
  {
    name: 'hangs up before the answer that brings the first task',
    tests: ['test/durable/starter.temporal.test.ts'],
    edits: [{ file: STARTER, from: 'listenMs: DURABLE_LIMITS.eager_answer_ms,', to: '' }],
  },
  {
    name: 'offers Temporal again and again what it has said it has',
    tests: ['test/durable/starter.temporal.test.ts'],
    edits: [{ file: STARTER, from: 'if (isKnown(id)) continue', to: '' }],
  },
  {
    name: 'hands all that are late to Temporal at once',
    tests: ['test/durable/starter.temporal.test.ts'],
    edits: [{ file: STARTER, from: 'late.slice(0, DURABLE_LIMITS.late_offered)', to: 'late' }],
  },
  {
    name: 'gives the first task of a late start to an answer that may be lost',
    tests: ['test/durable/refund.temporal.test.ts'],
    edits: [
      {
        file: STARTER,
        from: 'startLife(id, about, WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY, false)',
        to: 'startLife(id, about, WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY, true)',
      },
    ],
  },
  {
    name: 'posts nothing between wallets while Temporal is away',
    tests: ['test/faults/temporal-away.e2e.test.ts'],
    edits: [
      {
        file: 'src/payments/admission.ts',
        from: "if (expressible && deps.mode === 'overload' && strained) return 'express'",
        to: '',
      },
    ],
  },
]
