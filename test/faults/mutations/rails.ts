import type { Mutation } from '../../support/mutations/mutation.ts'

const TABLE = 'test/e2e/rails.e2e.test.ts'
const FENCE = 'test/faults/fence.e2e.test.ts'
const STEPS = 'test/faults/steps.e2e.test.ts'
const SCHEDULE = 'test/domain/attempt.test.ts'

/** What every rail needs of the payments above it: the fence, the schedule of inquiries, and what the payer is told. */
export const RAILS: readonly Mutation[] = [
  {
    name: 'sends from a hub that was frozen past the send window',
    tests: [FENCE],
    edits: [
      {
        file: 'src/payments/attempts.ts',
        from: 'mayWrite: () => clock.monotonic() - started < SEND_WINDOW_MS',
        to: 'mayWrite: () => true',
      },
    ],
  },
  {
    name: 'takes a command again that a hub took which then stood still',
    tests: ['test/payments/resent.pg.test.ts'],
    edits: [
      {
        file: 'src/payments/commands/pipeline.ts',
        from: 'command: name, key: key.data, requestId }',
        to: 'command: name, key: request.requestId, requestId }',
      },
    ],
  },
  {
    name: 'ends what a struck hub had sent as never sent',
    tests: [STEPS],
    edits: [
      {
        file: 'src/payments/next.ts',
        from: "return wait(attempt, nowMs, `the answer of ${attempt.rail}`, stageOf(payment, 'awaiting_rail'))",
        to: "return untilMs(attempt, nowMs) > 6_000 ? wait(attempt, nowMs, 'it', 'awaiting_rail') : { step: 'release', end: unreachable() }",
      },
    ],
  },
  {
    name: 'asks a rail by number: an inquiry that was woken early puts the next one off',
    tests: [SCHEDULE],
    edits: [
      {
        file: 'src/domain/attempt.ts',
        from: 'if (atMs - sinceDispatchMs > wholeMs * GAP_LEFT_MIN) return atMs - sinceDispatchMs',
        to: 'if (atMs - sinceDispatchMs > wholeMs * 0.99) return atMs - sinceDispatchMs',
      },
    ],
  },
  {
    name: 'asks a rail twice where jitter made an inquiry early',
    tests: [SCHEDULE],
    edits: [{ file: 'src/domain/attempt.ts', from: 'const GAP_LEFT_MIN = 0.15', to: 'const GAP_LEFT_MIN = 0' }],
  },
  {
    name: 'says nothing while a rail does not answer',
    tests: ['test/payments/steps.pg.test.ts'],
    edits: [
      {
        file: 'src/payments/moves.ts',
        from: 'if (payment.status_reason !== null || (payment.status',
        to: 'if (payment.status_reason === null || (payment.status',
      },
    ],
  },
  {
    name: 'gives one reason for whatever a rail refuses',
    tests: [TABLE],
    edits: [
      {
        file: 'src/payments/next.ts',
        from: "const code = attempt.failure_code ?? 'declined_by_rail'",
        to: "const code = 'declined_by_rail'",
      },
    ],
  },
  {
    name: 'says of a refund only late that its rail does not answer',
    tests: [TABLE],
    edits: [
      {
        file: 'src/payments/refunds/steps.ts',
        from: "(waits(at) ? say(at, 'awaiting_rail', ids, clock.now()) : null)",
        to: "(waits(at) && at.refund.version < 0 ? say(at, 'awaiting_rail', ids, clock.now()) : null)",
      },
    ],
  },
]
