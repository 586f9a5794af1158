import { makeLedger } from '../../src/ledger/index.ts'
import { type Book, knownAccounts, log, merchantOf, storeOf } from './book.ts'
import { drive, type Meters, type Sample, type Turn } from './drive.ts'
import { fillHistory } from './fill.ts'
import { startHubs } from './hubs.ts'
import { type Shops, wholePayment } from './payment.ts'
import type { Database } from './server.ts'
import { hotMerchant, randomPairs } from './turns.ts'

/** What is measured under load, by group. An operation is one unit with one transfer: a reserve or a confirm. */

/** A payment is two units, one after the other: so many in flight fill two calls with some two hundred units each. */
const PAYMENTS_IN_FLIGHT = 512
const HUBS = [1, 2, 4, 8]

export type Load = { seconds: number; inFlight: number }
/** One line of the table. */
export type Case = { key: string; title: string; rate: 'units' | 'turns'; run(load: Load): Promise<Sample> }

export type Place = { database: Database; book: Book; meters: Meters }

function ledgerCase(
  key: string,
  title: string,
  place: Place,
  turn: Turn,
  options: { rate?: 'turns'; connections?: number; batchUnits?: number } = {},
): Case {
  const connections = options.connections ?? 2
  const limits = options.batchUnits === undefined ? {} : { connections, batch_units: options.batchUnits }
  const ledger = makeLedger({ sql: place.database.hub(connections), log, limits })
  return { key, title, rate: options.rate ?? 'units', run: (load) => drive(ledger, turn, load, place.meters) }
}

export function operations(place: Place): Case[] {
  const { book } = place
  const accounts = `${book.wallets.length.toLocaleString('en-GB')} accounts`
  return [
    ledgerCase('pairs', `two-phase, ${accounts}`, place, randomPairs(book)),
    ledgerCase('single', 'the same, one call at a time, 64 connections', place, randomPairs(book), {
      connections: 64,
      batchUnits: 1,
    }),
    ledgerCase('hot', 'one hot merchant and one fee account', place, hotMerchant(book)),
  ]
}

export async function payments(place: Place): Promise<Case[]> {
  const { book } = place
  const accounts = await knownAccounts(place.database.hub(2), book)
  const half = book.merchants.length / 2
  const unfollowed = { first: 0, count: half }
  const followed = { first: half, count: half }
  await follow(place.database.owner, followed)
  const of = (key: string, title: string, asTheHub: boolean, inFlight: number, shops?: Shops): Case => {
    const turn = wholePayment(book, accounts, { asTheHub, ...(shops === undefined ? {} : { shops }) })
    const made = ledgerCase(key, title, place, turn, { rate: 'turns' })
    return { ...made, run: (load) => made.run({ ...load, inFlight }) }
  }
  const many = `${String(PAYMENTS_IN_FLIGHT)} in flight`
  return [
    of('payments', `full payments, ${many}`, false, PAYMENTS_IN_FLIGHT),
    of('payments-64', 'full payments, 64 in flight', false, 64),
    of('payments-hub', `full payments with jti and balances, as the hub, ${many}`, true, PAYMENTS_IN_FLIGHT),
    of(
      'payments-told',
      'the same, told to merchant and store, whom nobody follows',
      true,
      PAYMENTS_IN_FLIGHT,
      unfollowed,
    ),
    of('payments-followed', `the same, both followed, ${String(half)} merchants`, true, PAYMENTS_IN_FLIGHT, followed),
    of('payments-followed-one', 'the same, one merchant', true, PAYMENTS_IN_FLIGHT, { ...followed, count: 1 }),
  ]
}

/** As the hub does when a merchant's socket first opens (src/payments/followed.ts). */
async function follow(owner: Place['database']['owner'], { first, count }: Shops): Promise<void> {
  const shops = Array.from({ length: count }, (_, i) => first + i)
  const feeds = shops.flatMap((n) => [merchantOf(n), storeOf(n)])
  await owner`
    insert into followed_feeds (feed, complete_from)
    select w.feed, now() from jsonb_array_elements_text(${JSON.stringify(feeds)}::text::jsonb) w(feed)
    on conflict do nothing`
}

/** The same operations with no history and with so many transfers of it. */
export async function growth(none: Place, filled: Place, rows: number): Promise<Case[]> {
  await fillHistory(filled.database.owner, rows, (line) => console.log(`  filling: ${line}`))
  await filled.database.admin`vacuum (analyze)`
  return [
    ledgerCase('growth-none', 'no history', none, randomPairs(none.book)),
    ledgerCase('growth-filled', `${String(rows / 1e6)} M transfers of history`, filled, randomPairs(filled.book)),
  ]
}

/** So many hub processes at once; `stop` ends them. */
export async function hubProcesses(place: Place): Promise<{ cases: Case[]; stop(): void }> {
  const hubs = await startHubs(Math.max(...HUBS), place.database, place.book, place.meters.postmaster)
  const cases = HUBS.map((count): Case => {
    const title = `${String(count)} hub process${count === 1 ? '' : 'es'} on the hot merchant`
    return { key: `hubs-${String(count)}`, title, rate: 'units', run: (each) => hubs.run(count, each) }
  })
  return { cases, stop: () => hubs.stop() }
}
