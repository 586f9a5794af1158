import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { INVARIANTS, openDatabase } from '../../src/ledger/index.ts'
import { seedFrom } from '../support/seed.ts'
import { CORRUPTIONS, NOT_NAMED } from './support/corruptions/index.ts'
import { type SealedBooks, brokenIn, sealBooks, tampered } from './support/tampering.ts'

/**
 * Every invariant can fail, and of every table a row that was altered, taken away or put in is named: each case breaks
 * one row behind the triggers, on books where all invariants held before, and with it what must break and nothing else.
 */
const SEED = seedFrom('HISTORY_SEED')

let books: SealedBooks
beforeAll(async () => {
  books = await sealBooks(SEED)
})
afterAll(() => books.database.drop())

test('all invariants hold before, but for the cash that only a bank statement proves', async () => {
  const { report } = await tampered(books, () => Promise.resolve())
  expect(report.breaches).toEqual([])
  expect(report.checks.map(({ invariant }) => invariant)).toEqual(INVARIANTS)
  const open = report.checks.filter(({ status }) => status !== 'holds').map(({ invariant }) => invariant)
  expect(open).toEqual(['L7'])
  expect(report.trialBalances.map(({ currency }) => currency)).toEqual(['KES'])
  const [kes] = report.trialBalances
  expect(kes?.debitMinor).toBe(kes?.creditMinor)
  expect(report.openHolds).toBeGreaterThan(2)
})

describe('a row is named', () => {
  const cases = CORRUPTIONS.map((each) => [`${each.table}, ${each.done}: ${each.what}`, each] as const)
  test.each(cases)('%s', async (_, { act, breaks, names }) => {
    const { report } = await tampered(books, (tx) => act(tx, books))
    expect(brokenIn(report).toSorted()).toEqual(breaks.toSorted())
    const first = report.breaches.filter(({ invariant }) => invariant === breaks[0]).map(({ what }) => what)
    expect(first.join('\n')).toContain(names(books))
  })
})

describe('there is such a case', () => {
  test('for every invariant', () => {
    const covered = new Set(CORRUPTIONS.map(({ breaks }) => breaks[0]))
    expect(INVARIANTS.filter((invariant) => !covered.has(invariant))).toEqual([])
  })

  test('of every table that operators read, altered, missing and added, or a reason why there is none', async () => {
    const ops = openDatabase({ url: books.database.url('mooring_ops'), name: 'test-ops', connections: 1 })
    const tables = await ops<{ name: string }[]>`
      select relname as name from pg_class
      where relnamespace = 'public'::regnamespace and relkind = 'r' and has_table_privilege(oid, 'select')`
    await ops.end()
    const wanted = tables.flatMap(({ name }) => ['altered', 'missing', 'added'].map((done) => `${name} ${done}`))
    const named = new Set(CORRUPTIONS.map(({ table, done }) => `${table} ${done}`))
    expect([...named, ...Object.keys(NOT_NAMED)].toSorted()).toEqual(wanted.toSorted())
  })
})
