import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePorts } from '../../tools/process/ports.ts'
import { openDatabase } from '../../src/ledger/index.ts'
import { testDatabase } from '../support/run-servers.ts'
import type { TestDatabase } from '../support/servers.ts'
import { runOps, saying } from './support/ops-process.ts'
import { type SmallBook, openSmallBook } from './support/small-book.ts'

/** A question that cannot be asked ends with 2, says nothing about the books, and tells what to change. */

let book: SmallBook
let empty: TestDatabase
let dir: string
beforeAll(async () => {
  ;[book, empty, dir] = await Promise.all([
    openSmallBook(),
    testDatabase({ empty: true }),
    mkdtemp(join(tmpdir(), 'mooring-ops-')),
  ])
  await writeFile(join(dir, 'no-heads.json'), '{"heads":[{"ledger":1,"no":"1","hash":"soon"}]}')
})
afterAll(() => Promise.all([book.books.close(), empty.drop(), rm(dir, { recursive: true })]))

const DATABASE_URL = () => book.books.database.url('mooring_ops')

/** What is wrong with it, as a script reads it; nothing else is said. */
async function mistake(words: string, env: Record<string, string> = { DATABASE_URL: DATABASE_URL() }) {
  const { exit, out, err } = await runOps([...words.split(' '), '--json'], env)
  expect({ exit, out }).toEqual({ exit: 2, out: '' })
  return JSON.parse(err) as unknown
}

describe('the command line', () => {
  test.each([
    ['ledger', null, 'there is no command "ledger"\n\nusage: npm run ops -- <command>'],
    ['ledger audits', null, 'there is no command "ledger audits"'],
    ['ledger balance', '<account>', '<account> is missing; expected npm run ops -- ledger balance <account> '],
    [
      'ledger balance wallet:amina KES',
      '<account>',
      '"wallet:amina KES" is too much; expected npm run ops -- ledger b',
    ],
    ['ledger audit now', null, '"now" is too much; expected npm run ops -- ledger audit'],
    ['ledger audit --as-of 3', '--as-of', 'ledger audit does not take it; expected npm run ops -- ledger audit'],
    ['ledger audit --when 3', '--when', 'there is no such option; expected one of --json, --help, --data, --as-of'],
    ['ledger statement wallet:amina --limit', '--limit', 'its value is missing; expected --limit <lines>'],
    ['ledger statement wallet:amina --limit --after 3', '--limit', 'its value is missing; expected --limit <lines>'],
    ['ledger statement wallet:amina --limit 3 --limit 4', '--limit', 'it is given twice; expected it once'],
    ['ledger audit --json=yes', '--json', 'it takes no value, and was given "yes"'],
  ])('%s', async (words, option, message) => {
    expect(await mistake(words)).toMatchObject({
      error: { code: 'bad_usage', option, message: saying(message) },
    })
  })

  test('is refused in one line to people', async () => {
    const { exit, out, err } = await runOps(['ledger', 'balance', 'wallet:amina', '--currency', 'kes'], {
      DATABASE_URL: DATABASE_URL(),
    })
    expect({ exit, out, err }).toEqual({
      exit: 2,
      out: '',
      err: 'unknown_currency: --currency: no books are kept in "kes"; there are books in KES, UGX\n',
    })
  })
})

describe('a value', () => {
  const time = 'expected a time with its zone, as 2026-11-30T21:00:00Z, or a position'
  test.each([
    ['ledger balance wallet:amina --as-of yesterday', 'bad_time', '--as-of', time],
    ['ledger balance wallet:amina --as-of 2026-01-01T00:00:00', 'bad_time', '--as-of', time],
    ['ledger balance wallet:amina --as-of 2026-02-30T00:00:00Z', 'bad_time', '--as-of', time],
    ['ledger balance wallet:amina --as-of 0000-01-01T00:00:00Z', 'bad_time', '--as-of', time],
    ['ledger statement wallet:amina --as-of=-1', 'bad_time', '--as-of', time],
    ['ledger income-statement --from 1e3', 'bad_time', '--from', time],
    ['ledger income-statement --to 01', 'bad_time', '--to', time],
    [
      'ledger income-statement --from 5 --to 4',
      'bad_time',
      '--from',
      'after the end of the period, position 4 of 2026',
    ],
    [
      'ledger trial-balance --as-of 2999-01-01T00:00:00Z',
      'not_sealed_yet',
      '--as-of',
      'sealed up to position 7 of 2026',
    ],
    ['ledger balance-sheet --as-of 8', 'not_sealed_yet', '--as-of', 'history is sealed up to position 7 of 2026'],
    ['ledger income-statement --to 8', 'not_sealed_yet', '--to', 'history is sealed up to position 7 of 2026'],
    ['ledger statement wallet:amina --after first', 'bad_position', '--after', 'the `next` of the page before'],
    ['ledger statement wallet:amina --limit 0', 'bad_limit', '--limit', 'expected 1 to 1000 lines'],
    ['ledger statement wallet:amina --limit 1001', 'bad_limit', '--limit', 'expected 1 to 1000 lines'],
    ['ledger statement wallet:amina --limit 2.5', 'bad_limit', '--limit', 'expected 1 to 1000 lines'],
    ['ledger balance wallet:nobody', 'unknown_account', '<account>', 'expected a name as ledger trial-balance prints'],
    ['ledger statement wallet:amina --currency UGX', 'unknown_account', '<account>', 'in KES, not in UGX'],
    ['ledger statement cash:bank:trust', 'currency_needed', '--currency', 'an account in KES and UGX; say which'],
    ['ledger trial-balance --currency USD', 'unknown_currency', '--currency', 'there are books in KES, UGX'],
    ['ledger verify --heads no/such/file', 'bad_heads', '--heads', 'expected a file that ledger verify --json wrote'],
  ])('%s', async (words, code, option, message) => {
    expect(await mistake(words)).toEqual({ error: { code, option, message: saying(message) } })
  })

  test('heads that are none', async () => {
    expect(await mistake(`ledger verify --heads ${join(dir, 'no-heads.json')}`)).toMatchObject({
      error: { code: 'bad_heads', option: '--heads' },
    })
  })
})

describe('a database', () => {
  const refusal = (code: string, option: string | null, message: string) => ({
    error: { code, option, message: saying(message) },
  })

  test('that nobody runs, by option, environment and default: says how to start it', async () => {
    const nowhere = join(dir, 'nowhere')
    const toDo = `no Mooring runs on ${nowhere}: run npm start, name its directory with --data, or set DATABASE_URL`
    expect(await mistake(`ledger audit --data ${nowhere}`, {})).toEqual(refusal('not_running', '--data', toDo))
    expect(await mistake('ledger audit', { MOORING_DATA: nowhere })).toEqual(refusal('not_running', '--data', toDo))
    // A directory that is named is meant, whatever the environment says.
    expect(await mistake(`ledger audit --data ${nowhere}`)).toEqual(refusal('not_running', '--data', toDo))
  })

  test('that was killed and left its addresses behind: says that it does not answer', async () => {
    const [port = 0] = await freePorts(1)
    const host = `127.0.0.1:${String(port)}`
    const data = await dataDirectory(`postgres://mooring_hub:secret@${host}/mooring`, 'secret')
    expect(await mistake(`ledger audit --data ${data}`, {})).toEqual(
      refusal(
        'database_away',
        null,
        `Postgres at ${host} does not answer (ECONNREFUSED): see that it runs (npm start)`,
      ),
    )
  })

  test('of a start is asked as the operators’ role, whoever dev.json names', async () => {
    const url = new URL(DATABASE_URL())
    const password = decodeURIComponent(url.password)
    url.username = 'nobody'
    const data = await dataDirectory(url.href, password)
    expect(await runOps(['ledger', 'trial-balance', '--data', data], {})).toMatchObject({ exit: 0, err: '' })
    const wrong = await dataDirectory(DATABASE_URL(), 'wrong')
    expect(await mistake(`ledger audit --data ${wrong}`, {})).toEqual(
      refusal('database_refused', null, 'it does not let mooring_ops in with this password'),
    )
  })

  test('that somebody holds a lock of: says that it is busy', async () => {
    const owner = openDatabase({ url: book.books.database.url('mooring_owner'), name: 'test-owner', connections: 1 })
    try {
      await owner.begin(async (tx) => {
        await tx`lock table ledgers in access exclusive mode`
        const busy = `Postgres at ${new URL(DATABASE_URL()).host} is busy with something else (55P03): ask again`
        expect(await mistake('ledger trial-balance')).toEqual(refusal('database_busy', null, busy))
      })
    } finally {
      await owner.end({ timeout: 1 })
    }
  })

  test('that answers what no release of ours does: fails, and that is no word about the books', async () => {
    const root = openDatabase({ url: empty.url('postgres'), name: 'test-root', connections: 1 })
    try {
      await root`create table ledgers (id, tenant, currency, exponent) as values (1, 'default', 'KES', 'two')`
      await root`grant select on ledgers to mooring_ops`
      const env = { DATABASE_URL: empty.url('mooring_ops') }
      expect(await mistake('ledger trial-balance', env)).toEqual(refusal('internal', null, 'this command failed: '))
      expect(await runOps(['ledger', 'trial-balance'], env)).toMatchObject({ exit: 2, out: '', err: saying('at ') })
    } finally {
      await root`drop table if exists ledgers`
      await root.end({ timeout: 1 })
    }
  })

  test('without a ledger, that is not there, or that may not be read', async () => {
    const other = new URL(DATABASE_URL())
    other.pathname = '/elsewhere'
    expect(await mistake('ledger audit', { DATABASE_URL: other.href })).toEqual(
      refusal('database_refused', null, 'it has no database elsewhere'),
    )
    expect(await mistake('ledger audit', { DATABASE_URL: empty.url('mooring_ops') })).toEqual(
      refusal('database_refused', null, 'npm start brings it up to date'),
    )
    const relay = book.books.database.url('mooring_relay')
    expect(await mistake('ledger audit', { DATABASE_URL: relay })).toEqual(
      refusal('database_refused', null, 'mooring_relay may not read the books; mooring_ops may'),
    )
    expect(await mistake('ledger audit', { DATABASE_URL: 'localhost:5432' })).toEqual(
      refusal('bad_usage', 'DATABASE_URL', 'expected postgres://user:password@host:port/database'),
    )
  })
})

/** As `npm start` leaves it for scripts. */
async function dataDirectory(database: string, password: string): Promise<string> {
  const data = await mkdtemp(join(dir, 'data-'))
  await mkdir(join(data, 'keys', 'postgres'), { recursive: true })
  await writeFile(join(data, 'keys', 'postgres', 'mooring_ops.password'), password)
  await writeFile(join(data, 'dev.json'), JSON.stringify({ database }))
  return data
}
