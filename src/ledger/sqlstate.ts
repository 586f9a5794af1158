/**
 * What an error from Postgres means for a batch of units. `again`: the same units
 * may be sent again, whether or not they were committed (their ids are remembered).
 * `poison`: one of the batch raises; bisect to find it.
 */
export type ErrorMeaning = 'again' | 'poison'

const AGAIN_STATES = new Set([
  '40001', // serialization_failure
  '40P01', // deadlock_detected
  '55P03', // lock_not_available (lock_timeout)
  '57014', // query_canceled (statement_timeout)
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
  '57P03', // cannot_connect_now
  '53300', // too_many_connections
  '25006', // read_only_sql_transaction (a standby, during a switch-over)
])

/** Errors of postgres.js and of the socket below it: the connection went, the outcome is not known. */
const AGAIN_CODES = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_DESTROYED',
  'CONNECTION_ENDED',
  'CONNECT_TIMEOUT',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
])

export function errorMeaning(error: unknown): ErrorMeaning {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''
  return AGAIN_STATES.has(code) || AGAIN_CODES.has(code) || code.startsWith('08') ? 'again' : 'poison'
}
