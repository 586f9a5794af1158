import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cashAccount, merchantPendingAccount, walletAccount } from '../../src/domain/accounting/index.ts'
import {
  type Sql,
  audit,
  ensureLedger,
  makeAccountBook,
  makeLedger,
  migrate,
  openDatabase,
} from '../../src/ledger/index.ts'
import {
  type PostgresAddress,
  type TestDatabase,
  type TestServer,
  newDatabase,
  startPostgres,
} from '../support/servers.ts'
import { until } from '../support/until.ts'
import { startCuttingProxy } from './model/cutting-proxy.ts'
import { type Plan, eventOf, plannedUnit, transfersOf } from './model/plan.ts'
import { type Tally, makeTally } from './model/tally.ts'
import { ids, log } from './support/books.ts'

/** CRASHES: kills in all, of Postgres and of the process by turns. CUTS: answers lost after their commit. */
const CRASHES = Number(process.env['CRASHES'] ?? 6)
const CUTS = Number(process.env['CUTS'] ?? 50)
const BETWEEN_KILLS = 150
const FUNDS = '1000000000000'

/** A Postgres of this file's own, as durable as a real one: it is killed. */
let server: TestServer<PostgresAddress>
let database: TestDatabase
let owner: Sql
let plan: Plan
let dir: string
let applier: Applier | undefined

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'mooring-crash-'))
  server = await startPostgres({ durable: true })
  database = await newDatabase(server)
  owner = openDatabase({ url: database.url('mooring_owner'), name: 'test-owner', connections: 1 })
  await migrate(owner)
  const ledger = (await ensureLedger(owner, 'KES', 2)).id
  const users = Array.from({ length: 5 }, () => ids.make('usr'))
  const specs = [
    cashAccount('bank', 'trust'),
    merchantPendingAccount('mer_crash'),
    ...users.map((user) => walletAccount(user)),
  ]
  const [cash = '', merchant = '', ...wallets] = await makeAccountBook(owner).ensure(ledger, specs)
  plan = { ledger, cash, merchant, wallets }
  const transfers = wallets.map((credit) => ({
    id: ids.uuid(),
    ledger,
    kind: 'post' as const,
    debit: cash,
    credit,
    amount: FUNDS,
    subject: 'fund',
  }))
  expect(await makeLedger({ sql: owner, log }).apply({ id: ids.uuid(), transfers, ok: {} })).toEqual({ code: 'ok' })
})

afterAll(async () => {
  applier?.process.kill('SIGKILL')
  await owner.end({ timeout: 1 })
  await server.stop()
  rmSync(dir, { recursive: true, force: true })
})

const acknowledged = new Set<number>()

type Applier = { process: ChildProcess; said: string }

function startApplier(): Applier {
  const last = Math.max(-1, ...acknowledged)
  const again = Array.from({ length: last + 1 }, (_, n) => n).filter((n) => !acknowledged.has(n))
  const job = JSON.stringify({ url: database.url('mooring_hub'), plan, again, from: last + 1 })
  const main = fileURLToPath(new URL('model/applier.ts', import.meta.url))
  const said = join(dir, ids.uuid())
  const fd = openSync(said, 'a')
  const child = spawn(process.execPath, [main, job], { stdio: ['pipe', fd, 'inherit'] })
  closeSync(fd)
  return { process: child, said }
}

/** Reads what the process has said; a line is whole once the next has begun. */
function hear({ said }: Applier): void {
  const lines = readFileSync(said, 'utf8').split('\n').slice(0, -1)
  expect(lines.filter((line) => !/^\d+$/.test(line))).toEqual([])
  for (const line of lines) acknowledged.add(Number(line))
}

async function hearMore(from: Applier): Promise<void> {
  const wanted = acknowledged.size + BETWEEN_KILLS
  const enough = (): boolean => {
    hear(from)
    return acknowledged.size >= wanted
  }
  await until(enough, { timeout_ms: 60_000, what: 'units are acknowledged' })
}

/** Of every unit: wholly there or not at all, and there if it was acknowledged. */
async function expectWhole(): Promise<Set<number>> {
  const rows = await owner<{ id: string; transfers: number }[]>`
    select u.id, coalesce(t.n, 0)::int as transfers
    from units u full join (select unit, count(*) as n from transfers group by unit) t on t.unit = u.id`
  const events = new Set((await owner<{ id: string }[]>`select id from outbox`).map(({ id }) => id))
  const stored = new Map(rows.map(({ id, transfers }) => [id, transfers]))
  const there = new Set<number>()
  const last = Math.max(-1, ...acknowledged)
  for (let n = 0; n <= last + 1_000; n++) {
    const unit = plannedUnit(plan, n)
    const transfers = stored.get(unit.id)
    if (transfers !== undefined) there.add(n)
    expect(transfers ?? 0).toBe(transfers === undefined ? 0 : transfersOf(n))
    if (unit.ok.events !== undefined) expect(events.has(eventOf(n))).toBe(transfers !== undefined)
    if (acknowledged.has(n)) expect(transfers).toBeDefined()
  }
  // The first unit gave them their funds.
  expect(there.size).toBe(rows.length - 1)
  return there
}

async function expectTallied(tally: Tally): Promise<void> {
  const rows = await owner<{ id: string; is: string }[]>`
    select id, concat_ws(' ', debits_pending, debits_posted, credits_pending, credits_posted) as is from accounts`
  const funds = BigInt(FUNDS)
  const wanted = [plan.cash, plan.merchant, ...plan.wallets].map((id): [string, string] => {
    const { dp, dd, cp, cc } = tally.counters.get(id) ?? { dp: 0n, dd: 0n, cp: 0n, cc: 0n }
    const given =
      id === plan.cash ? [funds * BigInt(plan.wallets.length), 0n] : id === plan.merchant ? [0n, 0n] : [0n, funds]
    return [id, [dp, dd + (given[0] ?? 0n), cp, cc + (given[1] ?? 0n)].join(' ')]
  })
  expect(Object.fromEntries(rows.map(({ id, is }) => [id, is]))).toEqual(Object.fromEntries(wanted))
}

function tallyOf(numbers: Iterable<number>): Tally {
  const tally = makeTally()
  for (const n of [...numbers].toSorted((a, b) => a - b)) {
    const unit = plannedUnit(plan, n)
    const [first] = unit.transfers ?? []
    tally.acknowledge(unit, first?.up_to === true ? { code: 'ok', amounts: { [first.id]: '5' } } : { code: 'ok' })
  }
  return tally
}

test(
  `Postgres and the process that calls it are killed by turns, ${String(CRASHES)} times in the middle of batches`,
  { timeout: 60_000 + CRASHES * 15_000 },
  async () => {
    applier = startApplier()
    for (let crash = 0; crash < CRASHES; crash++) {
      await hearMore(applier)
      if (crash % 2 === 0) {
        await server.kill()
        await server.start()
        continue
      }
      const killed = once(applier.process, 'close')
      applier.process.kill('SIGKILL')
      await killed
      hear(applier)
      await expectWhole()
      applier = startApplier()
    }
    await hearMore(applier)
    const gone = once(applier.process, 'close')
    applier.process.stdin?.end()
    expect(await gone).toEqual([0, null])
    hear(applier)

    const there = await expectWhole()
    expect([...there].toSorted((a, b) => a - b)).toEqual([...acknowledged].toSorted((a, b) => a - b))
    await expectTallied(tallyOf(there))
    expect((await audit(owner)).breaches).toEqual([])
  },
)

test(
  `${String(CUTS)} times the answer is lost after the commit: each unit has happened once`,
  { timeout: 60_000 + CUTS * 1_000 },
  async () => {
    const first = Math.max(-1, ...acknowledged) + 1
    const start = first + (8 - (first % 8))
    const proxy = await startCuttingProxy(server.port, () => proxy.cuts() < CUTS && Math.random() < 0.5)
    const url = new URL(database.url('mooring_hub'))
    url.port = String(proxy.port)
    const sql = openDatabase({ url: url.href, name: 'test-cut', connections: 2 })
    const ledger = makeLedger({ sql, log })
    let next = start
    // Eight at a time, in order: a hold and its end are not sent together.
    async function work(): Promise<void> {
      while (proxy.cuts() < CUTS) {
        const from = next
        next += 8
        for (let n = from; n < from + 8; n++) {
          expect(await ledger.apply(plannedUnit(plan, n))).toMatchObject({ code: 'ok' })
          acknowledged.add(n)
        }
      }
    }
    await Promise.all(Array.from({ length: 16 }, work))
    await ledger.drain()
    await sql.end({ timeout: 1 })
    await proxy.close()
    expect(proxy.cuts()).toBe(CUTS)

    const there = await expectWhole()
    const mine = (all: Iterable<number>): number[] => [...all].filter((n) => n >= start).toSorted((a, b) => a - b)
    expect(mine(there)).toEqual(mine(acknowledged))
    await expectTallied(tallyOf(there))
    expect((await audit(owner)).breaches).toEqual([])
  },
)
