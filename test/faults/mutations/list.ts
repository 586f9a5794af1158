import type { Edit, Mutation } from '../../support/mutations/mutation.ts'
import { MOBILE_MONEY } from './mobile-money.ts'
import { RECOVERY } from './recovery.ts'
import { BANK_RAIL } from './bank-rail.ts'
import { ACCEPTANCE } from './acceptance.ts'
import { CODES } from './codes.ts'
import { EDGE } from './edge.ts'
import { OPERATOR_RAIL } from './operator-rail.ts'
import { OPERATORS } from './operators.ts'
import { RAILS } from './rails.ts'
import { STARTS } from './starts.ts'
import { STICKERS } from './stickers.ts'
import { REFUND_MUTATIONS } from './refunds.ts'
import { RESUME } from './resume.ts'
import { HELD_MUTATIONS } from './held.ts'
import { RETENTION } from './retention.ts'
import { TRUST } from './trust.ts'
import { WALLET } from './wallet.ts'
import { PHONE } from './phone.ts'
import { MERCHANTS } from './merchants.ts'
import { INQUIRIES } from './inquiries.ts'
import { DOORS } from './doors.ts'

const KILL = 'test/e2e/kill.e2e.test.ts'
const STEP_BY_STEP = 'test/payments/steps.pg.test.ts'
const SHORT = 'test/faults/short.e2e.test.ts'
const ATTEMPTS = 'src/payments/attempts.ts'
const NEXT = 'src/payments/next.ts'
const OUTCOME = 'src/payments/outcome.ts'
const MOVES = 'src/payments/moves.ts'

/** Dispatch finds a call journalled and makes it all the same. */
const RESENDS: readonly Edit[] = [
  {
    file: NEXT,
    from: "return wait(attempt, nowMs, `the answer of ${attempt.rail}`, stageOf(payment, 'awaiting_rail'))",
    to: "return { step: 'dispatch', call: attempt.step, afterMs: 0 }",
  },
  { file: ATTEMPTS, from: 'states: [...from]', to: "states: [...from, 'dispatched']" },
]

export const MUTATIONS: readonly Mutation[] = [
  ...BANK_RAIL,
  ...ACCEPTANCE,
  ...CODES,
  ...STICKERS,
  ...OPERATOR_RAIL,
  ...REFUND_MUTATIONS,
  ...HELD_MUTATIONS,
  ...INQUIRIES,
  ...EDGE,
  ...DOORS,
  ...TRUST,
  ...RETENTION,
  ...WALLET,
  ...PHONE,
  ...RESUME,
  {
    name: 'journals a call that is journalled already',
    tests: [STEP_BY_STEP],
    edits: [{ file: ATTEMPTS, from: 'states: [...from]', to: "states: [...from, 'dispatched', 'settled']" }],
  },
  {
    name: 'writes an outcome over an outcome',
    tests: [STEP_BY_STEP],
    edits: [
      {
        file: OUTCOME,
        from: "['dispatched'] : [...UNRESOLVED]",
        to: "['dispatched'] : [...UNRESOLVED, 'settled', 'declined', 'not_found', 'not_sent']",
      },
      { file: OUTCOME, from: 'if (!isUnresolved(attempt.state)) {', to: 'if (attempt.no < 0) {' },
    ],
  },
  {
    name: 'takes a message that left before for one that never left',
    tests: [STEP_BY_STEP],
    edits: [{ file: OUTCOME, from: "heard.resent === true ? 'not_found' : 'not_sent'", to: "'not_sent'" }],
  },
  {
    name: 'forgets what the rail said where the ledger refuses the end',
    tests: [STEP_BY_STEP],
    edits: [
      { file: OUTCOME, from: "if (result.code === 'refused' && end !== null) mayEnd = false\n    else if", to: 'if' },
    ],
  },
  {
    name: 'posts the end of a payment over what was asked of it meanwhile',
    tests: [STEP_BY_STEP],
    edits: [{ file: OUTCOME, from: '...(bearer.guard === null ? {} : { payment: bearer.guard }),', to: '' }],
  },
  { name: 'sends again what was journalled as sent', tests: [KILL], edits: RESENDS },
  {
    name: 'sends again, under a fresh reference',
    tests: [KILL],
    edits: [
      ...RESENDS,
      {
        file: ATTEMPTS,
        from: 'rail.send(orderOf(attempt), {',
        to: 'rail.send(orderOf({ ...attempt, ...(attempt.sends === 1 ? {} : { reference: `${attempt.reference.slice(0, -1)}9`, uetr: token }) }), {',
      },
    ],
  },
  {
    name: 'takes an unknown outcome for a failure',
    tests: [KILL],
    edits: [
      {
        file: NEXT,
        from: "return wait(attempt, nowMs, `an inquiry at ${attempt.rail}`, stageOf(payment, 'outcome_unknown'))",
        to: "return { step: 'release', end: failed('not_executed', 'No answer.') }",
      },
    ],
  },
  {
    name: 'takes "never received" for settled',
    tests: [KILL],
    edits: [
      {
        file: NEXT,
        from: "if (meaning === 'resend') return again(attempt, nowMs)",
        to: "if (meaning !== undefined) return { step: 'confirm' }",
      },
      { file: MOVES, from: 'states: [...states]', to: "states: [...states, 'not_found']" },
    ],
  },
  {
    name: 'forgets under which key a command came',
    tests: [KILL],
    edits: [
      {
        file: 'src/payments/commands/pipeline.ts',
        from: 'command: name, key: key.data, requestId }',
        to: 'command: name, key: request.requestId, requestId }',
      },
    ],
  },
  {
    name: 'refuses the second sending of a command by what the first has changed',
    tests: ['test/payments/resent.pg.test.ts'],
    edits: [
      {
        file: 'src/payments/commands/pipeline.ts',
        from: 'complete || (lookedUp && isRetryable(code)) ? null : storedAnswer',
        to: 'complete || !isRetryable(code) ? null : storedAnswer',
      },
    ],
  },
  {
    name: 'ends a payment and keeps its hold',
    tests: [KILL],
    edits: [{ file: MOVES, from: "transfers: endTransfers(state, 'void')", to: 'transfers: []' }],
  },
  {
    name: 'tells the payee of nothing',
    tests: [SHORT],
    edits: [
      {
        file: 'src/payments/events.ts',
        from: "if (row.payee.startsWith('usr_'))",
        to: "if (row.payee.startsWith('nobody'))",
      },
    ],
  },
  ...MERCHANTS,
  ...MOBILE_MONEY,
  ...RAILS,
  ...STARTS,
  ...OPERATORS,
  ...RECOVERY,
]
