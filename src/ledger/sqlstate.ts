/**
 * What an error from Postgres means for a batch of units. `again`: the same units
 * may be sent again, whether or not they were committed (their ids are remembered).
 * `smaller`: the call took too long, or more locks than there are; the same units again, in halves. `poison`: one of the batch raises; bisect to find it.
 */
export type ErrorMeaning = 'again' | 'smaller' | 'poison'

const AGAIN_STATES = new Set([
  '40001', // serialization_failure
  '40P01', // deadlock_detected
  '55P03', // lock_not_available (lock_timeout)
  '25006', // read_only_sql_transaction (a standby, during a switch-over)
])

/** Classes of errors that are the server's, not the statement's: connection, resources, operator, its machine. */
const AWAY_CLASSES = new Set(['08', '53', '57', '58'])

/** Of class 57, and the statement's all the same: query_canceled (statement_timeout). */
const CANCELED = '57014'
/** Of class 53: a call locks every row and id it names. */
const OUT_OF_MEMORY = '53200'

/** Errors of postgres.js, of the socket below it and of the name's resolution: the outcome is not known. */
const NETWORK = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_DESTROYED',
  'CONNECTION_ENDED',
  'CONNECT_TIMEOUT',
  'EADDRNOTAVAIL',
  'EAI_AGAIN',
  'EAI_FAIL',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETRESET',
  'ENETUNREACH',
  'ENOTCONN',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
])

/** Keys that `apply_units` looks for before it writes: whoever meets one now was second at the same moment, and sees it then. */
const SEEN_THEN = new Set(['transfers_pkey', 'units_pkey', 'idempotency_pkey', 'payments_pkey'])

export function errorMeaning(error: unknown): ErrorMeaning {
  const code = codeOf(error)
  if (code === '23505') return SEEN_THEN.has(constraintOf(error)) ? 'again' : 'poison'
  if (code === CANCELED || code === OUT_OF_MEMORY) return 'smaller'
  return AGAIN_STATES.has(code) || isDatabaseAway(error) ? 'again' : 'poison'
}

/** Whether Postgres could not be asked, or its answer was lost: a read answers `temporarily_unavailable`, anything else is a bug of ours. */
export function isDatabaseAway(error: unknown): boolean {
  const code = codeOf(error)
  return NETWORK.has(code) || (AWAY_CLASSES.has(code.slice(0, 2)) && code !== CANCELED)
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''
}

function constraintOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'constraint_name' in error ? String(error.constraint_name) : ''
}
