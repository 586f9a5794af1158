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
    edits: [{ file: LINE, from: '[lanes.fresh, lanes.late]', to: '[lanes.late, lanes.fresh]' }],
  },
  {
    name: 'hangs up before the answer that brings the first task',
    tests: ['test/durable/starter.temporal.test.ts'],
    edits: [{ file: STARTER, from: 'listenMs: DURABLE_LIMITS.eager_answer_ms,', to: '' }],
  },
  {
    name: 'offers Temporal again and again what it has said it has',
    tests: ['test/durable/starter.temporal.test.ts'],
    edits: [{ file: STARTER, from: 'filter(({ id }) => !isKnown(id))', to: 'filter(() => true)' }],
  },
  {
    name: 'hands all that are late to Temporal at once',
    tests: ['test/durable/starter.temporal.test.ts'],
    edits: [{ file: STARTER, from: 'const room = DURABLE_LIMITS.late_unbegun - ', to: 'const room = 10_000 - ' }],
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
