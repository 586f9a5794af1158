import type { Mutation } from '../../support/mutations/mutation.ts'

/** How workflows are started where Temporal was away. */

const STARTER = 'src/durable/starter.ts'

export const STARTS: readonly Mutation[] = [
  {
    name: 'asks a Temporal that has just come back for everything at once',
    tests: ['test/durable/starter.temporal.test.ts'],
    edits: [
      {
        file: STARTER,
        from: 'window = Math.max(DURABLE_LIMITS.starts_in_flight_least, Math.floor(window / 2))',
        to: 'window = DURABLE_LIMITS.starts_in_flight',
      },
    ],
  },
  {
    name: 'gives the first task of a late start to an answer that may be lost',
    tests: ['test/durable/refund.temporal.test.ts'],
    edits: [
      {
        file: STARTER,
        from: 'startLife(payment, about, WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY, false)',
        to: 'startLife(payment, about, WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY, true)',
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
