import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  type Ledger,
  type Sql,
  type TransferInput,
  type Unit,
  type UnitResult,
  audit,
  makeLedger,
  openDatabase,
} from '../../src/ledger/index.ts'
import { type Books, ids, openBooks } from './support/books.ts'

/**
 * One id in two calls at the same moment, over accounts that have nothing in common: no lock of an account keeps them
 * apart, and neither sees what the other writes. The id is moved or refused, never both.
 */
let books: Books
let pools: Sql[]
let first: Ledger
let second: Ledger
/** How often the second ledger sent a batch again. */
let again = 0
beforeAll(async () => {
  books = await openBooks()
  const counting = pino({ level: 'warn' }, { write: () => void (again += 1) })
  pools = ['hub-0', 'hub-1'].map((name) =>
    openDatabase({ url: books.database.url('mooring_hub'), name, connections: 2 }),
  )
  const [one = books.hub, two = books.hub] = pools
  first = makeLedger({ sql: one, log: counting })
  second = makeLedger({ sql: two, log: counting })
})
afterAll(async () => {
  await Promise.all(pools.map((sql) => sql.end({ timeout: 1 })))
  await books.close()
})

type Kind = 'spend' | 'end' | 'broke'
type Three = Record<Kind, TransferInput>

/** Of one id: a spend that succeeds, an end of a hold that does, a spend that is refused; each between accounts of its own. */
async function three(): Promise<Three> {
  const id = ids.uuid()
  const [rich, other, empty] = [await books.wallet(10), await books.wallet(10), await books.wallet(0)]
  const hold = books.reserve(other, await books.merchant(), 10)
  await books.apply([hold])
  return {
    spend: { ...books.post(rich, await books.merchant(), 10), id },
    end: { ...books.end('confirm', hold.id), id },
    broke: { ...books.post(empty, await books.merchant(), 10), id },
  }
}

async function where(id: string): Promise<string> {
  const [row] = await books.owner<{ is: string }[]>`
    select (select count(*) from transfers where id = ${id}) || ' moved '
      || (select count(*) from refused_transfers where id = ${id}) || ' refused' as is`
  return row?.is ?? ''
}

const short = (result: UnitResult | undefined) => (result?.code === 'refused' ? result.transfer : result?.code)

/** What stands of the id, whichever comes first: what each was answered, and where the id is. */
const MAY_BE: Record<string, string> = {
  'ok exists_with_different_debit': '1 moved 0 refused',
  'ok exists_with_different_kind': '1 moved 0 refused',
  'ok id_already_failed': '1 moved 0 refused',
  'exceeds_credits id_already_failed': '0 moved 1 refused',
}

/** A unit that has decided waits for its feed before it writes what it moved. */
function telling(feed: string, transfers: TransferInput[]): Unit {
  const told = () => ({ events: [{ id: ids.make('evt'), feed, name: 'source.updated' as const, body: {} }] })
  return { id: ids.uuid(), transfers, ok: told(), refused: told() }
}

const isWaiting = async (): Promise<boolean> => {
  const rows = await books.hub`
    select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
  return rows.length > 0
}

test.each([
  ['broke', 'spend'],
  ['spend', 'broke'],
  ['broke', 'end'],
  ['end', 'broke'],
  ['spend', 'end'],
] as const)('%s is decided and not written when %s is asked for', async (before, after) => {
  const all = await three()
  const feed = ids.make('usr')
  await books.ledger.apply(telling(feed, []))
  let answered = false
  const asked: Promise<UnitResult>[] = []
  await books.owner.begin(async (tx) => {
    await tx`select from feed_heads where feed = ${feed} for update`
    asked.push(first.apply(telling(feed, [all[before]])))
    await expect.poll(isWaiting).toBe(true)
    again = 0
    asked.push(second.apply(books.unit([all[after]])))
    void asked[1]?.then(() => (answered = true))
    await expect.poll(() => answered || again > 0).toBe(true)
  })
  const results = await Promise.all(asked)
  const is = MAY_BE[results.map(short).join(' ')] ?? results.map(short).join(' ')
  expect(await where(all.spend.id)).toBe(is)
})

/** The answer of the one that came first, then the other's. */
const FIRST = ['ok', 'exceeds_credits']

test('one id at the same moment, again and again: moved or refused, as the answers say', async () => {
  const seen = new Map<string, number>()
  for (let n = 0; n < 100; n++) {
    const all = await three()
    const sends = [first.apply(books.unit([n % 2 === 0 ? all.spend : all.end])), second.apply(books.unit([all.broke]))]
    const codes = (await Promise.all(sends)).map(short)
    const told = FIRST.includes(codes[0] ?? '') ? codes : codes.toReversed()
    const is = `${told.join(' ')}: ${await where(all.spend.id)}`
    seen.set(is, (seen.get(is) ?? 0) + 1)
  }
  const may = Object.entries(MAY_BE).map((one) => one.join(': '))
  expect([...seen.keys()].filter((is) => !may.includes(is))).toEqual([])
  expect((await audit(books.owner)).breaches).toEqual([])
})
