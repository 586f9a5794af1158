import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { randomUUID } from 'node:crypto'
import { type Ledger, type Sql, makeLedger, openDatabase } from '../../src/ledger/index.ts'
import { makeLog } from '../../src/observe/log.ts'
import { testDatabase } from '../support/run-servers.ts'

const HOUR_MS = 3_600_000
/** How far apart two clocks of one machine may read, with a busy database between. */
const NEAR_MS = 1_000

let database: Awaited<ReturnType<typeof testDatabase>>
let hub: Sql
let ledger: Ledger

beforeAll(async () => {
  database = await testDatabase()
  hub = openDatabase({ url: database.url('mooring_hub'), name: 'test-hub', connections: 2 })
  ledger = makeLedger({ sql: hub, log: makeLog({ name: 'test', level: 'silent' }) })
})

afterAll(async () => {
  vi.restoreAllMocks()
  await hub.end()
  await database.drop()
})

async function databaseNow(): Promise<number> {
  const [row] = await hub<{ ms: number }[]>`select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms`
  return row?.ms ?? Number.NaN
}

test('time is the database’s before the first unit, and no unit is written to learn it', async () => {
  await ledger.syncClock()
  expect(Math.abs(ledger.now() - (await databaseNow()))).toBeLessThan(NEAR_MS)
  expect(ledger.stats()).toMatchObject({ batches: 0, units: 0 })
})

test('a jump of the host’s clock moves nothing, nor does a unit applied after it', async () => {
  const real = Date.now
  vi.spyOn(Date, 'now').mockImplementation(() => real() + HOUR_MS)
  expect(Math.abs(ledger.now() - (await databaseNow()))).toBeLessThan(NEAR_MS)
  expect(await ledger.apply({ id: randomUUID(), ok: {} })).toEqual({ code: 'ok' })
  expect(Math.abs(ledger.now() - (await databaseNow()))).toBeLessThan(NEAR_MS)
})
