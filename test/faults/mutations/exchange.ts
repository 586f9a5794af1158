import type { Mutation } from '../../support/mutations/mutation.ts'

type Edits = Mutation['edits']

/** What the one HTTP exchange of all rails could do wrong; each rail must notice by itself. */

const HTTP = 'src/rails/common/http-client.ts'

export const SAYS_NOT_SENT: Edits = [
  { file: HTTP, from: "kind: this.#state === 'waiting' ? 'not_sent' : 'unknown', why", to: "kind: 'not_sent', why" },
]

export const WRITES_LATE: Edits = [
  {
    file: HTTP,
    from: "this.#state === 'waiting' && !this.#options.mayWrite()",
    to: "this.#state === 'told' && !this.#options.mayWrite()",
  },
]

export const SENDS_ON: Edits = [
  {
    file: 'src/rails/common/connections.ts',
    from: 'if (!reset) return destroy(error)',
    to: 'if (!reset || error !== null) return destroy(error)',
  },
]
