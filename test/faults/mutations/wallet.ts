import type { Mutation } from '../../support/mutations/mutation.ts'

const ORDERS = 'test/clients/wallet-web/order.test.ts'
const STEPS = 'test/clients/wallet-web/steps.test.ts'
const BOOK = 'clients/wallet-web/model/order-book.ts'
const ORDER = 'clients/wallet-web/model/order.ts'
const WAY = 'clients/wallet-web/model/steps.ts'

/** The wallet page's rules of money (W1 to W5 in the head of model/order.ts). */
export const WALLET: readonly Mutation[] = [
  {
    name: 'sends an order of the wallet page before it is on the disk',
    tests: [ORDERS],
    edits: [{ file: BOOK, from: 'await this.#set(out) // W1', to: 'void this.#set(out)' }],
  },
  {
    name: 'signs an order of the user before with the key of the next',
    tests: [ORDERS],
    edits: [{ file: BOOK, from: 'kept !== null && kept.user === user ? kept : {', to: 'kept ?? {' }],
  },
  {
    name: 'writes orders after the wallet was removed',
    tests: [ORDERS],
    edits: [
      { file: BOOK, from: "    if (this.#isClosed) return Promise.reject(new Error('the book is closed'))\n", to: '' },
    ],
  },
  {
    name: 'sends an order while the wallet is being removed',
    tests: [ORDERS],
    edits: [{ file: BOOK, from: 'if (!isOpen(out) || this.#isClosed) return', to: 'if (!isOpen(out)) return' }],
  },
  {
    name: 'makes a second order of a second press',
    tests: [ORDERS],
    edits: [{ file: BOOK, from: '    if (this.#orders.has(order.key)) return\n', to: '' }],
  },
  {
    name: 'takes back an order that has left the phone',
    tests: [ORDERS],
    edits: [{ file: BOOK, from: "if (order?.state.at !== 'waiting' || this.#running.has(key)) return false", to: '' }],
  },
  {
    name: 'sends an order that has waited for hours without asking again',
    tests: [ORDERS],
    edits: [{ file: ORDER, from: 'now - order.at > WAIT_MAX_MS', to: 'now < order.at' }],
  },
  {
    name: 'forgets an order whose outcome is unknown',
    tests: [ORDERS],
    edits: [
      {
        file: ORDER,
        from: "if (result.outcome === 'unknown') return { ...before, state: { at: 'sent', until: now + SIGNATURE_MAX_MS } }",
        to: '',
      },
    ],
  },
  {
    name: 'takes a refusal of the second sending for one of the first',
    tests: [ORDERS],
    edits: [{ file: ORDER, from: '(until > 0 || ', to: '(until < 0 || ' }],
  },
  {
    name: 'takes an order for refused that was only not heard of',
    tests: [ORDERS],
    edits: [{ file: ORDER, from: ' || (mayHaveLeft(before) && !isAfterTheKey(code))', to: '' }],
  },
  {
    name: 'says refused of a command that may have been carried out',
    tests: ['test/clients/mobile/commands.test.ts'],
    edits: [
      {
        file: 'clients/mobile/command-queue.ts',
        from: 'if (frame.ok || !leavesOpen(frame.error.code)) entry.open -= 1',
        to: 'entry.open -= 1',
      },
    ],
  },
  {
    name: 'keeps the PIN on the disk',
    tests: [ORDERS],
    edits: [{ file: BOOK, from: 'const out = sending(before,', to: 'const out = sending({ ...before, ...{ pin } },' }],
  },
  {
    name: 'says paid as soon as the payment is accepted',
    tests: [STEPS],
    edits: [
      {
        file: WAY,
        from: "if (payment.status_reason === null) return busy('calm', 'On its way', 'This takes a moment.')",
        to: "if (payment.status_reason === null) return still('good', doneWord(payment), 'The money has moved.')",
      },
    ],
  },
]
