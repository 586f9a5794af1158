import { afterAll, beforeAll, expect, test } from 'vitest'
import { LEDGER_LIMITS, type Sql, openDatabase } from '../../src/ledger/index.ts'
import { type Books, openBooks } from './support/books.ts'

/** Eight hubs that are as busy as they get. */
const CALLS = 8 * LEDGER_LIMITS.connections
/** One for each transfer, for the key, the jti and the order. */
const LOCKS_A_UNIT = 8
const LOCKS_A_CALL = LEDGER_LIMITS.batch_units * LOCKS_A_UNIT

let books: Books
let sql: Sql
beforeAll(async () => {
  books = await openBooks()
  sql = openDatabase({ url: books.database.url('mooring_hub'), name: 'test-locks', connections: CALLS })
})
afterAll(async () => {
  await sql.end({ timeout: 1 })
  await books.close()
})

test('Postgres has room for the locks that the largest calls of eight hubs hold at once', async () => {
  let holding = 0
  const all = Promise.withResolvers<null>()
  const calls = Array.from({ length: CALLS }, (_, call) =>
    sql.begin(async (tx) => {
      const first = call * LOCKS_A_CALL
      await tx`
        select count(pg_try_advisory_xact_lock(k.n)) from generate_series(${first}::int, ${first + LOCKS_A_CALL - 1}::int) k(n)`
      holding += 1
      if (holding === CALLS) all.resolve(null)
      await all.promise
    }),
  )
  // One that fails ends the wait for the others.
  await Promise.race([all.promise, Promise.all(calls)])
  await Promise.all(calls)
  expect(holding).toBe(CALLS)
})
