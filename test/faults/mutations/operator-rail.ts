import type { Mutation } from '../../support/mutations/mutation.ts'
import { SAYS_NOT_SENT, SENDS_ON, WRITES_LATE } from './exchange.ts'

const CONTRACT = 'test/rails/contract/camara.test.ts'
const ONE_STEP = 'test/rails/contract/camara-one-step.test.ts'
const STATES = 'test/rails/camara-classify.test.ts'
const WORDS = 'test/rails/camara-refusals.test.ts'
const LISTS = 'test/rails/camara-listing.test.ts'
const BYTES = 'test/rails/camara-exchange.test.ts'
const STEPS = 'test/rails/camara-steps.test.ts'
const EVENTS = 'test/rails/camara-notification.test.ts'
const CLASSIFY = 'src/rails/camara/classify.ts'
const LISTING = 'src/rails/camara/listing.ts'
const NOTIFICATION = 'src/rails/camara/notification.ts'
const OPERATOR = 'src/rails/camara/operator.ts'
const RAIL = 'src/rails/camara/rail.ts'
const REFUSALS = 'src/rails/camara/refusals.ts'
const VIEWS = 'src/rails/camara/views.ts'

/** What the operator connector would guess, if it guessed. */
export const OPERATOR_RAIL: readonly Mutation[] = [
  {
    name: 'operator: believes an answer about another amount',
    tests: [CONTRACT],
    edits: [
      { file: CLASSIFY, from: "return amountMinor === order.amountMinor ? null : 'another amount'", to: 'return null' },
    ],
  },
  {
    name: 'operator: believes an answer about another reference',
    tests: [CONTRACT],
    edits: [
      {
        file: CLASSIFY,
        from: "if (referenceCode !== order.reference) return 'another reference code'",
        to: "if (referenceCode === '') return 'another reference code'",
      },
    ],
  },
  {
    name: 'operator: takes a reservation for a charge',
    tests: [STATES],
    edits: [
      {
        file: CLASSIFY,
        from: "return quiet ? { kind: 'not_found', evidence } : { kind: 'pending', evidence, memo }\n    default:\n      return assertNever(order.step, 'step')\n  }\n}\n\nfunction awaitingCode",
        to: "return quiet ? { kind: 'settled', evidence } : { kind: 'pending', evidence, memo }\n    default:\n      return assertNever(order.step, 'step')\n  }\n}\n\nfunction awaitingCode",
      },
    ],
  },
  {
    name: 'operator: takes an accepted confirmation for a charge',
    tests: [STEPS],
    edits: [
      {
        file: RAIL,
        from: "return { kind: 'pending', evidence: evidenceOf(answer, order), memo: order.memo }",
        to: "return { kind: 'settled', evidence: evidenceOf(answer, order), memo: order.memo }",
      },
      {
        file: RAIL,
        from: "const shown = await look(order, 'answer', false, get)\n        if",
        to: "const shown = unknown('not asked', false) as Awaited<ReturnType<typeof look>>\n        if",
      },
    ],
  },
  {
    name: 'operator: takes "seen before" for a decline',
    tests: [WORDS],
    edits: [
      {
        file: REFUSALS,
        from: "if (key === '409 ALREADY_EXISTS') return LOOK",
        to: "if (key === '409 ALREADY_EXISTS') return BUG",
      },
    ],
  },
  {
    name: 'operator: does not understand a charge where it gives a reservation back',
    tests: [STATES],
    edits: [
      { file: CLASSIFY, from: "if (order.step === 'cancel') return { kind: 'charged', evidence, memo }", to: '' },
    ],
  },
  {
    name: 'operator: takes an unknown refusal for a decline',
    tests: [WORDS],
    edits: [{ file: REFUSALS, from: 'PAYMENT_REFUSED)[key] ?? ALARM', to: 'PAYMENT_REFUSED)[key] ?? BUG' }],
  },
  {
    name: 'operator: takes a charge that is not listed for one that never was',
    tests: [STEPS],
    edits: [
      {
        file: RAIL,
        from: "if (order.step !== 'prepare' && config.resendSafe !== true)",
        to: "if (order.step === 'cancel' && config.resendSafe !== true)",
      },
    ],
  },
  {
    name: 'operator: takes a list read once for complete',
    tests: [LISTS],
    edits: [
      {
        file: LISTING,
        from: 'if (ids(first.items) === ids(second.items)) return',
        to: 'if (ids(first.items) !== null) return',
      },
    ],
  },
  {
    name: 'operator: takes a list for complete that is shorter than it says',
    tests: [LISTS],
    edits: [{ file: LISTING, from: 'return items.length === total ? ', to: 'return items.length <= total ? ' }],
  },
  {
    name: 'operator: takes a refund for done that the remaining amount does not show',
    tests: [STEPS],
    edits: [
      { file: VIEWS, from: "if ('kind' in read) return { ...read, memo }", to: "if ('kind' in read) return outcome" },
    ],
  },
  {
    name: 'operator: says not_sent of what was written',
    tests: [BYTES],
    edits: SAYS_NOT_SENT,
  },
  {
    name: 'operator: writes after the send window',
    tests: [BYTES],
    edits: WRITES_LATE,
  },
  {
    name: 'operator: lets the kernel send after the deadline',
    tests: [BYTES],
    edits: SENDS_ON,
  },
  {
    name: 'operator: believes a 401 without asking again',
    tests: [BYTES],
    edits: [
      {
        file: OPERATOR,
        from: 'if (first.reply.status !== 401) return readAnswer(first.reply)',
        to: 'if (first.reply.status > 0) return readAnswer(first.reply)',
      },
    ],
  },
  {
    name: 'operator: lets in a notification with a token of another reference',
    tests: [EVENTS],
    edits: [
      {
        file: NOTIFICATION,
        from: 'if (ours.length !== theirs.length || !timingSafeEqual(ours, theirs))',
        to: 'if (ours.length !== theirs.length)',
      },
    ],
  },
  {
    name: 'operator: sends a resend to another sink',
    tests: [BYTES],
    edits: [
      {
        file: RAIL,
        from: 'sinkOf(order.reference, order.dispatchedAtMs, sinks)',
        to: 'sinkOf(order.reference, order.dispatchedAtMs + order.sends, sinks)',
      },
    ],
  },
  {
    name: 'operator: does not look for what it finds to exist already',
    tests: [ONE_STEP],
    edits: [
      {
        file: RAIL,
        from: 'return absentOr(order, unknown(`${evidence.status}, and not to be found`, false), get)',
        to: "return { kind: 'declined', code: 'declined_by_rail', reason, evidence, alarm: false }",
      },
    ],
  },
]
