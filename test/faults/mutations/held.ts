import type { Mutation } from '../../support/mutations/mutation.ts'

const HELD = 'test/payments/held.pg.test.ts'
const CODES = 'test/payments/codes.pg.test.ts'
const MANDATES = 'test/payments/mandates.pg.test.ts'
const ASKED = 'src/payments/asked.ts'

/** What is held for its payer or merchant: captures, cancels, codes; and mandates. */
export const HELD_MUTATIONS: readonly Mutation[] = [
  {
    name: 'captures past the end of the hold',
    tests: [HELD],
    edits: [{ file: ASKED, from: 'version: payment.version, unexpired: true }', to: 'version: payment.version }' }],
  },
  {
    name: 'captures again what is being captured',
    tests: [HELD],
    edits: [{ file: ASKED, from: '    payment.capture_requested === null &&\n', to: '' }],
  },
  {
    name: 'captures all where a part was asked for',
    tests: [HELD],
    edits: [
      {
        file: 'src/payments/moves.ts',
        from: "transfers: part?.ends ?? endTransfers(state, 'confirm')",
        to: "transfers: endTransfers(state, 'confirm')",
      },
    ],
  },
  {
    name: 'keeps the whole fee of what is captured in part',
    tests: [HELD],
    edits: [
      {
        file: 'src/payments/row-columns.ts',
        from: '    fee: row.fee.toString(),\n    captured_amount',
        to: '    captured_amount',
      },
    ],
  },
  {
    name: 'cancels what has left for its rail',
    tests: [HELD],
    edits: [
      { file: ASKED, from: 'if (!isReserved(attempt) || (', to: 'if (attempt.no < 0 || (' },
      {
        file: ASKED,
        from: "attempt: attemptGuard(attempt, ['settled']),\n    },\n    ok: { payment: paymentColumns(after), events",
        to: "attempt: attemptGuard(attempt, ['settled', 'dispatched', 'unknown', 'pending']),\n    },\n    ok: { payment: paymentColumns(after), events",
      },
    ],
  },
  {
    name: 'releases a hold whose reservation still stands at its rail',
    tests: [HELD],
    edits: [
      {
        file: 'src/payments/next.ts',
        from: 'if (payment.cancel_requested_at !== null) return CANCEL',
        to: "if (payment.cancel_requested_at !== null) return { step: 'release', end: { status: 'canceled' } }",
      },
    ],
  },
  {
    name: 'gives up a capture that its rail could not be told of within a minute',
    tests: [HELD],
    edits: [
      {
        file: 'src/payments/next.ts',
        from: "  if (payment.status === 'requires_capture') return hasExpired(payment, nowMs)\n",
        to: '',
      },
    ],
  },
  {
    name: 'keeps the code that a payer typed',
    tests: [CODES],
    edits: [{ file: 'src/payments/attempts.ts', from: '        input: null,\n', to: '' }],
  },
  {
    name: 'takes a code past its time',
    tests: [CODES],
    edits: [
      {
        file: ASKED,
        from: 'return { unit: inTime(unit, payment), after }\n}\n\n/** Ends',
        to: 'return { unit, after }\n}\n\n/** Ends',
      },
    ],
  },
  {
    name: 'lets a bank’s word link an account that its user has unlinked',
    tests: [MANDATES],
    edits: [
      {
        file: 'src/payments/mandates.ts',
        from: "if (source.status !== 'requires_action') return nextOf(source)\n",
        to: '',
      },
      {
        file: 'src/payments/mandates.ts',
        from: "guard: { source: { id, states: ['requires_action'] } }",
        to: "guard: { source: { id, states: ['requires_action', 'revoked'] } }",
      },
    ],
  },
]
