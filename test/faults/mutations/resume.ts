import { broken, type Mutation } from '../../support/mutations/mutation.ts'

/** How an event comes to its phones whatever breaks on the way: tried with whole processes. */

const TEST = 'test/faults/resume.e2e.test.ts'
const at = (file: string) => broken(file, TEST)

export const RESUME: readonly Mutation[] = [
  at('src/edge/sequencer.ts')(
    'tells again what the stream stored twice',
    'if (this.#last !== null && event.seq <= this.#last) return []',
    'if (this.#last !== null && event.seq <= this.#last) return [event]',
  ),
  at('src/edge/place.ts')(
    'goes on from the head though the phone missed events',
    "opened.mode === 'replay' ? seen : opened.seq",
    'Math.max(seen, opened.seq)',
  ),
  at('src/payments/feeds.ts')(
    'replays to a cursor of another epoch',
    'cursor === undefined || cursor.epoch !== epoch ?',
    'cursor === undefined ?',
  ),
  at('src/outbox/table.ts')(
    'takes a new stream for the one it knew',
    'known.createdAt === stream.createdAt && known.lastSequence <= stream.lastSequence',
    "known.createdAt !== ''",
  ),
]
