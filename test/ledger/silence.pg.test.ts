import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeIds } from '../../src/domain/ids.ts'
import { type Sql, makeLedger, openDatabase } from '../../src/ledger/index.ts'
import { makeLog } from '../../src/observe/log.ts'
import { testDatabase } from '../support/run-servers.ts'

const log = makeLog({ name: 'test', level: 'silent' })
const ids = makeIds(Date.now, randomBytes)
const SILENCE_MS = 400

let database: Awaited<ReturnType<typeof testDatabase>>
let hub: Sql
let owner: Sql
let frozen: number[] = []

beforeAll(async () => {
  database = await testDatabase()
  owner = openDatabase({ url: database.url('mooring_owner'), name: 'test-owner', connections: 1 })
  hub = openDatabase({ url: database.url('mooring_hub'), name: 'silent', connections: 2, silenceMs: SILENCE_MS })
})

afterAll(async () => {
  for (const pid of frozen) process.kill(pid, 'SIGCONT')
  await Promise.all([hub.end({ timeout: 1 }), owner.end()])
  await database.drop()
})

async function backends(): Promise<number[]> {
  const rows = await owner<{ pid: number }[]>`select pid from pg_stat_activity where application_name = 'silent'`
  return rows.map(({ pid }) => pid)
}

test('a unit whose server falls silent is applied over another connection, not waited for without end', async () => {
  const ledger = makeLedger({ sql: hub, log })
  await Promise.all(Array.from({ length: 4 }, () => hub`select pg_sleep(0.05)`))
  frozen = await backends()
  expect(frozen).toHaveLength(2)
  for (const pid of frozen) process.kill(pid, 'SIGSTOP')
  const results = await Promise.all(Array.from({ length: 4 }, () => ledger.apply({ id: ids.uuid(), ok: {} })))
  expect(results).toEqual(Array.from({ length: 4 }, () => ({ code: 'ok' })))
})

test('a connection nobody asks anything over is kept, however long it is idle', async () => {
  const [before] = await hub<{ pid: number }[]>`select pg_backend_pid() as pid`
  await owner`select pg_sleep(${(SILENCE_MS * 3) / 1_000})`
  expect(await backends()).toContain(before?.pid)
})
