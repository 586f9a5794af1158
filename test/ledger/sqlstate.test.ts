import { expect, test } from 'vitest'
import { databaseRefusal } from '../../src/ops/database.ts'
import { errorMeaning, isDatabaseAway } from '../../src/ledger/sqlstate.ts'

const NETWORK: readonly (readonly [code: string, what: string])[] = [
  ['CONNECTION_CLOSED', 'the socket closed'],
  ['CONNECTION_DESTROYED', 'the pool was cut'],
  ['CONNECTION_ENDED', 'the pool was ended'],
  ['CONNECT_TIMEOUT', 'nobody took the connection in time'],
  ['EAI_AGAIN', 'the name server does not answer'],
  ['EAI_FAIL', 'the name server failed'],
  ['ENOTFOUND', 'the name is not known, in a switch-over'],
  ['EADDRNOTAVAIL', 'no local address or port is left'],
  ['ECONNABORTED', 'our host gave the connection up'],
  ['ECONNREFUSED', 'nobody listens'],
  ['ECONNRESET', 'the socket was cut'],
  ['EHOSTDOWN', 'the host is down'],
  ['EHOSTUNREACH', 'no way to the host'],
  ['ENETDOWN', 'the network is down'],
  ['ENETRESET', 'the network dropped the connection'],
  ['ENETUNREACH', 'no way to its network'],
  ['ENOTCONN', 'the socket is not connected'],
  ['EPIPE', 'the other side is gone'],
  ['ETIMEDOUT', 'the other side fell silent'],
]

test.each<readonly [code: string, meaning: string, what: string]>([
  ['40001', 'again', 'two units met in one row'],
  ['40P01', 'again', 'a deadlock'],
  ['55P03', 'again', 'a lock was waited for too long'],
  ['08006', 'again', 'the connection failed'],
  ['53300', 'again', 'too many connections'],
  ['57P01', 'again', 'the server is shutting down'],
  ['58030', 'again', 'its disk failed'],
  ['25006', 'again', 'a standby'],
  ['57P03', 'again', 'the server is starting'],
  ...NETWORK.map(([code, what]) => [code, 'again', what] as const),
  ['57014', 'smaller', 'the call took too long'],
  ['53200', 'smaller', 'there is no room for its locks'],
  ['22P02', 'poison', 'text that is no number'],
  ['23514', 'poison', 'a CHECK that no rule should reach'],
  ['42501', 'poison', 'a permission'],
  ['P0001', 'poison', 'the function raised'],
])('%s means %s: %s', (code, meaning) => {
  expect(errorMeaning(Object.assign(new Error('postgres'), { code }))).toBe(meaning)
})

test('an error without a code is a bug, not the network', () => {
  expect(errorMeaning(new TypeError('x is not a function'))).toBe('poison')
})

test.each([
  ['transfers_pkey', 'again', 'its other copy was written at the same moment, and is seen the next time'],
  ['units_pkey', 'again', 'the same unit was applied at the same moment'],
  ['idempotency_pkey', 'again', 'a command with the same key was'],
  ['payments_pkey', 'again', 'the same payment was made at the same moment'],
  ['transfers_pending', 'poison', 'a hold that ends twice is a bug, not a race'],
  ['attempts_rail_reference_key', 'poison', 'nothing looks for it first'],
])('a key met twice (%s) means %s: %s', (constraint, meaning) => {
  const error = Object.assign(new Error('postgres'), { code: '23505', constraint_name: constraint })
  expect(errorMeaning(error)).toBe(meaning)
})

test.each<readonly [code: string, what: string]>([
  ...NETWORK,
  ['08006', 'the connection failed'],
  ['53300', 'too many connections'],
  ['57P01', 'the server is shutting down'],
  ['57P03', 'the server is starting'],
  ['58030', 'its disk failed'],
])('%s means to everybody that the database is away: %s', (code) => {
  const error = Object.assign(new Error('postgres'), { code })
  expect(isDatabaseAway(error)).toBe(true)
  expect(databaseRefusal(error, 'postgres://mooring_ops@db.example/mooring')?.code).toBe('database_away')
})

test.each(['57014', '40001', '23505', '22P02', 'ERR_INVALID_ARG_TYPE', ''])('%j does not', (code) => {
  expect(isDatabaseAway(Object.assign(new Error('postgres'), { code }))).toBe(false)
})
