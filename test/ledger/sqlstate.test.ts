import { expect, test } from 'vitest'
import { errorMeaning } from '../../src/ledger/sqlstate.ts'

test.each([
  ['40001', 'again', 'two units met in one row'],
  ['40P01', 'again', 'a deadlock'],
  ['55P03', 'again', 'a lock was waited for too long'],
  ['08006', 'again', 'the connection failed'],
  ['53300', 'again', 'too many connections'],
  ['57P01', 'again', 'the server is shutting down'],
  ['58030', 'again', 'its disk failed'],
  ['25006', 'again', 'a standby'],
  ['CONNECTION_CLOSED', 'again', 'the socket closed'],
  ['ECONNRESET', 'again', 'the socket was cut'],
  ['57014', 'smaller', 'the call took too long'],
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
  ['transfers_pending', 'poison', 'a hold that ends twice is a bug, not a race'],
  ['attempts_rail_reference_key', 'poison', 'nothing looks for it first'],
])('a key met twice (%s) means %s: %s', (constraint, meaning) => {
  const error = Object.assign(new Error('postgres'), { code: '23505', constraint_name: constraint })
  expect(errorMeaning(error)).toBe(meaning)
})
