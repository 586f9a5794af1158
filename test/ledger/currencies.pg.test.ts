import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AccountSpec, cashAccount, walletAccount } from '../../src/domain/accounting/index.ts'
import { makeIds } from '../../src/domain/ids.ts'
import {
  findLedger,
  type Ledger,
  makeAccountBook,
  makeLedger,
  openDatabase,
  type Sql,
  type TransferInput,
} from '../../src/ledger/index.ts'
import { makeLog } from '../../src/observe/log.ts'
import { ROOT } from '../../tools/paths.ts'
import { testDatabase } from '../support/run-servers.ts'

/** A currency is configuration: setup is told of it, and its ledger is one of its own. */

const ids = makeIds(Date.now, randomBytes)
const RWF = { name: 'Rwandan franc', exponent: 0, numeric: '646' }

let database: Awaited<ReturnType<typeof testDatabase>>
let sql: Sql
let ledger: Ledger
let keys: string

beforeAll(async () => {
  database = await testDatabase()
  sql = openDatabase({ url: database.url('mooring_hub'), name: 'test-hub', connections: 2 })
  ledger = makeLedger({ sql, log: makeLog({ name: 'test', level: 'silent' }) })
  keys = mkdtempSync(join(tmpdir(), 'mooring-keys-'))
  for (const role of ['setup', 'hub']) mkdirSync(join(keys, role))
  writeFileSync(join(keys, 'setup', 'merchants.json'), '[]')
  writeFileSync(join(keys, 'hub', 'pepper.key'), randomBytes(32).toString('base64url'))
})

afterAll(async () => {
  await ledger.drain()
  await sql.end({ timeout: 1 })
  await database.drop()
  rmSync(keys, { recursive: true })
})

function setup(currency: string, currencies: object): { status: number | null; said: string } {
  const run = spawnSync(process.execPath, [join(ROOT, 'src/proc/setup.ts')], {
    encoding: 'utf8',
    timeout: 60_000,
    env: {
      DATABASE_URL: database.url('mooring_owner'),
      MOORING_KEYS: join(keys, 'setup'),
      MOORING_CURRENCY: currency,
      MOORING_CURRENCIES: JSON.stringify(currencies),
    },
  })
  return { status: run.status, said: run.stderr }
}

async function open(book: number, ...specs: AccountSpec[]): Promise<string[]> {
  return makeAccountBook(sql).ensure(book, specs)
}

function post(book: number, debit: string, credit: string): TransferInput {
  return { id: ids.uuid(), ledger: book, kind: 'post', debit, credit, amount: '5', subject: 'test' }
}

const apply = (transfer: TransferInput) => ledger.apply({ id: ids.uuid(), transfers: [transfer], ok: {} })

test('a currency that the code does not know is added by a setting and gets its ledger', async () => {
  const untold = setup('RWF', {})
  expect(untold.status).toBe(1)
  expect(untold.said).toContain('MOORING_CURRENCIES')
  expect(setup('RWF', { RWF })).toMatchObject({ status: 0 })
  const { id } = await findLedger(sql, 'RWF')
  expect((await findLedger(sql, 'RWF')).exponent).toBe(0)
  const [cash = '', wallet = ''] = await open(id, cashAccount('demo-bank', 'own'), walletAccount('usr_rwf'))
  expect(await apply(post(id, cash, wallet))).toMatchObject({ code: 'ok' })
})

test('a service in one currency gets a ledger of each that it adds, and doing it again changes nothing', async () => {
  expect(setup('KES', { RWF })).toMatchObject({ status: 0 })
  const before = [await findLedger(sql, 'KES'), await findLedger(sql, 'RWF')]
  expect(setup('KES', { RWF })).toMatchObject({ status: 0 })
  expect([await findLedger(sql, 'KES'), await findLedger(sql, 'RWF')]).toEqual(before)
})

test('beside each ledger of money there is one that counts limits in that currency', async () => {
  expect(setup('KES', { RWF })).toMatchObject({ status: 0 })
  for (const [currency, exponent] of [
    ['KES', 2],
    ['RWF', 0],
  ] as const) {
    const money = await findLedger(sql, currency)
    const limits = await findLedger(sql, currency, 'limits')
    expect(limits).toMatchObject({ currency, exponent })
    expect(limits.id).not.toBe(money.id)
  }
})

test('the decimals of a ledger do not change under its amounts', () => {
  const run = setup('KES', { RWF: { ...RWF, exponent: 2 } })
  expect(run.status).toBe(1)
  expect(run.said).toContain('exponent 0')
})

test('no transfer goes from one currency to another', async () => {
  const [kes, rwf] = [await findLedger(sql, 'KES'), await findLedger(sql, 'RWF')]
  const [cash = ''] = await open(kes.id, cashAccount('demo-bank', 'own'))
  const [wallet = ''] = await open(rwf.id, walletAccount('usr_rwf'))
  for (const book of [kes.id, rwf.id]) {
    expect(await apply(post(book, cash, wallet))).toMatchObject({ code: 'refused', transfer: 'different_ledgers' })
    expect(await apply(post(book, wallet, cash))).toMatchObject({ code: 'refused', transfer: 'different_ledgers' })
  }
})
