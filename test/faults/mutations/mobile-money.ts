import type { Mutation } from '../../support/mutations/mutation.ts'
import { SAYS_NOT_SENT, SENDS_ON, WRITES_LATE } from './exchange.ts'

const CLASSIFY = 'src/rails/gsma/classify.ts'
const INQUIRY = 'src/rails/gsma/inquiry.ts'
const CALLBACK = 'src/rails/gsma/callback.ts'
const ROWS = 'test/rails/gsma-classify.test.ts'
const ASKING = 'test/rails/gsma-inquiry.test.ts'
const SOCKETS = 'test/rails/gsma-boundary.test.ts'
const CALLED = 'test/rails/gsma-callback.test.ts'

/** What the mobile money connector must never take for an answer, and never say of a call. */
export const MOBILE_MONEY: readonly Mutation[] = [
  {
    name: 'takes a duplicate at mobile money for a decline',
    tests: [ROWS],
    edits: [
      {
        file: 'src/rails/gsma/codes.ts',
        from: "['duplicateRequest'], () => ({ kind: 'duplicate' })",
        to: "['duplicateRequest'], declines('declined_by_rail')",
      },
    ],
  },
  {
    name: 'settles mobile money of another amount',
    tests: [ROWS],
    edits: [{ file: CLASSIFY, from: "amountMinor === order.amountMinor ? null : 'another amount'", to: 'null' }],
  },
  {
    name: 'settles mobile money in the wrong direction',
    tests: [ROWS],
    edits: [
      {
        file: CLASSIFY,
        from: "order.operation === 'collect' ? [debitParty, creditParty] : [creditParty, debitParty]",
        to: "names(debitParty, 'msisdn', order.account.type === 'phone' ? order.account.phone : '') ? [debitParty, creditParty] : [creditParty, debitParty]",
      },
    ],
  },
  {
    name: 'settles mobile money under another reference',
    tests: [ROWS],
    edits: [
      {
        file: CLASSIFY,
        from: "if (transaction.requestingOrganisationTransactionReference !== order.reference) return 'another reference'",
        to: '',
      },
    ],
  },
  {
    name: 'takes an error under another status for its word',
    tests: [ROWS],
    edits: [{ file: CLASSIFY, from: 'if (statusOf(error.category) !== status)', to: 'if (status < 0)' }],
  },
  {
    name: 'believes at once that mobile money never saw an order',
    tests: [ASKING],
    edits: [{ file: INQUIRY, from: 'if (nowMs() < this.#order.dispatchedAtMs + settleMs)', to: 'if (nowMs() < 0)' }],
  },
  {
    name: 'believes an operator that does not link pending requests',
    tests: [ASKING],
    edits: [
      {
        file: INQUIRY,
        from: "if (!linksPendingRequests) return unknown('nothing there yet', false, this.#memo)",
        to: '',
      },
    ],
  },
  {
    name: 'follows an operator’s link to somebody else',
    tests: [ASKING],
    edits: [{ file: INQUIRY, from: 'url.origin !== origin || ', to: '' }],
  },
  {
    name: 'takes its own refund for money that came back',
    tests: [ASKING],
    edits: [
      {
        file: INQUIRY,
        from: "(one.requestingOrganisationTransactionReference ?? '') !== ''",
        to: 'one.amount === null',
      },
    ],
  },
  {
    name: 'asks a request state more often than it may',
    tests: [ASKING],
    edits: [{ file: INQUIRY, from: 'if (state !== null && hasPollsLeft(this.#memo)) {', to: 'if (state !== null) {' }],
  },
  {
    name: 'says of a call that left that it did not',
    tests: [SOCKETS],
    edits: SAYS_NOT_SENT,
  },
  {
    name: 'says of an order whose token was refused that it never left',
    tests: [SOCKETS],
    edits: [{ file: 'src/rails/gsma/api.ts', from: "second.kind === 'not_sent' ? first : second", to: 'second' }],
  },
  {
    name: 'lets the kernel go on sending after the deadline',
    tests: [SOCKETS],
    edits: SENDS_ON,
  },
  {
    name: 'writes an order when it is too late',
    tests: [SOCKETS],
    edits: WRITES_LATE,
  },
  {
    name: 'wakes for a callback whose body was changed',
    tests: [CALLED],
    edits: [
      {
        file: CALLBACK,
        from: "if (!isSame((headers['x-content-hash'] ?? '').toLowerCase(), hash))",
        to: "if (hash === '')",
      },
    ],
  },
  {
    name: 'wakes for a callback of an hour ago',
    tests: [CALLED],
    edits: [{ file: CALLBACK, from: 'if (!(Math.abs(saidMs - nowMs) <= DATE_WINDOW_MS))', to: "if (date === '')" }],
  },
  {
    name: 'wakes for a callback with anybody’s key',
    tests: [CALLED],
    edits: [{ file: CALLBACK, from: 'if (!apiKeys.some((known) => isSame(key, known)))', to: "if (key === '')" }],
  },
]
