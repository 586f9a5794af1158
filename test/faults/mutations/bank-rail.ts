import type { Mutation } from '../../support/mutations/mutation.ts'
import { SAYS_NOT_SENT, SENDS_ON, WRITES_LATE } from './exchange.ts'

const CONTRACT = 'test/rails/contract/bank.test.ts'
const WORDS = 'test/rails/iso20022-classify.test.ts'
const CALLBACKS = 'test/rails/iso20022-callback.test.ts'
const SOCKETS = 'test/rails/iso20022-boundary.test.ts'
const CONNECTOR = 'test/rails/iso20022-rail.test.ts'
const CLASSIFY = 'src/rails/iso20022/classify.ts'
const CODES = 'src/rails/iso20022/codes.ts'
const RAIL = 'src/rails/iso20022/rail.ts'
const RETURN = 'src/rails/iso20022/payment-return.ts'

/** What the bank connector would guess, if it guessed. */
export const BANK_RAIL: readonly Mutation[] = [
  {
    name: 'bank: believes an answer about another amount',
    tests: [CONTRACT],
    edits: [
      { file: CLASSIFY, from: "return amountMinor === order.amountMinor ? null : 'another amount'", to: 'return null' },
    ],
  },
  {
    name: 'bank: believes an answer about another reference',
    tests: [CONTRACT],
    edits: [
      {
        file: CLASSIFY,
        from: 'const mismatch = otherTransaction(transaction, order) ?? otherAmount(',
        to: 'const mismatch = otherAmount(',
      },
    ],
  },
  {
    name: 'bank: believes an answer that is badly signed',
    tests: [CONTRACT],
    edits: [{ file: RAIL, from: 'if (!verified.ok) {', to: 'if (!verified.ok && answer.status >= 500) {' }],
  },
  {
    name: 'bank: takes accepted for settled',
    tests: [WORDS],
    edits: [
      {
        file: CLASSIFY,
        from: "if (PENDING.has(status)) return { kind: 'pending', evidence }",
        to: "if (PENDING.has(status)) return { kind: 'settled', evidence }",
      },
    ],
  },
  {
    name: 'bank: takes every refusal for a decline',
    tests: [WORDS],
    edits: [
      { file: CLASSIFY, from: 'if (DUPLICATE.has(reason.code))', to: "if (reason.code === '')" },
      {
        file: CODES,
        from: "(OUR_FAULT.test(reason) ? { code: 'declined_by_rail', alarm: true } : null)",
        to: "{ code: 'declined_by_rail', alarm: true }",
      },
    ],
  },
  {
    name: 'bank: takes any 404 for never received',
    tests: [WORDS],
    edits: [
      { file: CLASSIFY, from: 'if (transaction.status !== null || !saysSo)', to: 'if (transaction.status !== null)' },
    ],
  },
  {
    name: 'bank: takes what was written for not sent',
    tests: [CONTRACT],
    edits: SAYS_NOT_SENT,
  },
  {
    name: 'bank: writes when it is too late',
    tests: [CONTRACT],
    edits: WRITES_LATE,
  },
  {
    name: 'bank: lets the kernel send after the deadline',
    tests: [SOCKETS],
    edits: SENDS_ON,
  },
  {
    name: 'bank: asks about a refund as if it were a collect',
    tests: [CONTRACT],
    edits: [
      {
        file: 'src/rails/iso20022/messages.ts',
        from: '`<OrgnlMsgNmId>${messageName}</OrgnlMsgNmId>',
        to: '`<OrgnlMsgNmId>${MESSAGE_NAME.collect}</OrgnlMsgNmId>',
      },
    ],
  },
  {
    name: 'bank: takes a callback that is played again',
    tests: [CONTRACT],
    edits: [
      {
        file: 'src/rails/iso20022/callback.ts',
        from: 'if (!nonces.use(nonce, nowMs))',
        to: "if (!nonces.use(nonce, nowMs) && nonce === '')",
      },
    ],
  },
  {
    name: 'bank: lets more come back than was paid',
    tests: [CALLBACKS],
    edits: [{ file: RETURN, from: ' || returnedMinor > originalMinor)', to: ')' }],
  },
  {
    name: 'bank: takes the return of another order for one of this',
    tests: [CALLBACKS],
    edits: [
      { file: RETURN, from: "return said.originalUetr === ours.uetr ? null : 'another UETR'", to: 'return null' },
    ],
  },
  {
    name: 'bank: holds inquiries up behind payments',
    tests: [CONNECTOR],
    edits: [{ file: RAIL, from: 'await ask(questions, question,', to: 'await ask(calls, question,' }],
  },
]
