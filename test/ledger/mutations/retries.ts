import type { Mutation } from '../../support/mutations/mutation.ts'
import { broken } from './files.ts'

/** What makes it safe to send units again, and what the aggregator promises to who asked (A1 to A3). */
const SQLSTATE = 'src/ledger/sqlstate.ts'
const calls = broken('src/ledger/aggregator.ts', 'test/ledger/aggregator.pg.test.ts')
const meaning = broken(SQLSTATE, 'test/ledger/sqlstate.test.ts')
const sockets = broken('src/ledger/watched-socket.ts', 'test/ledger/silence.pg.test.ts')

const PREPARED = 'batch.map((waiting) => waiting.prepared)'
const RENAMED = 'batch.map(({ prepared }) => ({ ...prepared, unit: { ...prepared.unit, id: crypto.randomUUID() } }))'
const CLASSES = "'08', '53', '57', '58'"
const KEYS = "'transfers_pkey', 'units_pkey', 'idempotency_pkey', 'payments_pkey'"

const sent: readonly Mutation[] = [
  calls(
    'takes a lost connection for a unit that raises',
    "if (meaning === 'poison') return",
    "if (meaning !== 'smaller') return",
  ),
  calls('sends units again under other ids', PREPARED, RENAMED),
  calls('gives up at the first lost connection', 'now - waiting.since > limits.retry_for_ms', 'now > waiting.since'),
  calls('never gives a database up', 'now - waiting.since > limits.retry_for_ms', 'now < waiting.since'),
  calls(
    'fails a batch for one of its units',
    '    await halve(batch)\n',
    "    for (const each of batch) each.reject(new Error('the batch raised', { cause: error }))\n",
  ),
  calls(
    'sends a batch that took too long again as it is',
    "if (meaning === 'smaller' && batch.length > 1)",
    'if (batch.length < 0)',
  ),
]

const answered: readonly Mutation[] = [
  calls(
    'tells units one another’s results',
    'const result = results[i]',
    'const result = results[batch.length - 1 - i]',
  ),
  calls('lets any number of units wait', 'if (waitingUnits() >= limits.queue_units)', 'if (waitingUnits() < 0)'),
  calls('sends any number of units in a call', 'Math.min(share, limits.batch_units)', 'share'),
  calls('tells nobody of events', 'for (const tell of listeners) tell()', 'void listeners'),
  calls(
    'tells of events before they are committed',
    '  async function send(batch: Waiting[]): Promise<void> {\n',
    '  async function send(batch: Waiting[]): Promise<void> {\n    for (const tell of listeners) tell()\n',
  ),
  sockets('watches a connection until it has been idle once', "socket.on('timeout'", "socket.once('timeout'"),
  sockets(
    'gives up a connection that nobody asks anything over',
    'bytesWritten > answered',
    'bytesWritten >= answered',
  ),
]

const understood: readonly Mutation[] = [
  ...['40001', '40P01', '55P03', '25006'].map((state) =>
    meaning(`does not send again after ${state}`, `  '${state}', //`, '  //'),
  ),
  ...['CONNECTION_CLOSED', 'ECONNRESET'].map((code) =>
    meaning(`does not send again after ${code}`, `  '${code}',\n`, ''),
  ),
  ...CLASSES.split(', ').map((each) =>
    meaning(
      `does not send again after errors of class ${each}`,
      CLASSES,
      CLASSES.split(', ')
        .filter((other) => other !== each)
        .join(', '),
    ),
  ),
  ...KEYS.split(', ').map((key) =>
    meaning(
      `does not send again what met ${key} at the same moment`,
      KEYS,
      KEYS.split(', ')
        .filter((other) => other !== key)
        .join(', '),
    ),
  ),
  meaning('sends again what met any key', "SEEN_THEN.has(constraintOf(error)) ? 'again' : 'poison'", "'again'"),
  meaning('sends a call that took too long again as it is', "return 'smaller'", "return 'again'"),
]

export const RETRIES: readonly Mutation[] = [...sent, ...answered, ...understood]
