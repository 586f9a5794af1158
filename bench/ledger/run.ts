import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { makeLedger } from '../../src/ledger/index.ts'
import { ROOT } from '../../tools/paths.ts'
import { median } from '../payments/measure.ts'
import { type Book, knownAccounts, log, openBook } from './book.ts'
import { drive, type Meters, type Sample, type Turn } from './drive.ts'
import { fillHistory } from './fill.ts'
import { startHubs } from './hubs.ts'
import { wholePayment } from './payment.ts'
import { cpuProfile, noProfile } from './profile.ts'
import { type Database, startServer } from './server.ts'
import { elsewhere, type Figure, figureRow, HEAD, reached, row } from './table.ts'
import { hotMerchant, randomPairs } from './turns.ts'

/**
 * The ledger alone: units of work through the aggregator of one process against a
 * Postgres of the bench's own. An operation is one unit with one transfer: a
 * reserve or a confirm. Rounds go through all cases in turn, so that a ratio
 * compares moments that are seconds apart.
 */

const WARM_UP_SECONDS = 2
/** With --others: how often a disturbed measurement is made again, and after how long. */
const AGAIN_TIMES = 10
const AGAIN_AFTER_MS = 2_000
const HUBS = [1, 2, 4, 8]
const MERCHANTS = 100
/** A payment is two units, one after the other: so many in flight fill two calls with about a hundred units each. */
const PAYMENTS_IN_FLIGHT = 256
const LONG_ROWS = 10_000_000
const GROUPS = ['ops', 'payments', 'growth', 'hubs'] as const
type Group = (typeof GROUPS)[number]

type Load = { seconds: number; inFlight: number }
/** One line of the table. */
type Case = { key: string; title: string; rate: 'units' | 'turns'; run(load: Load): Promise<Sample> }

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '3' },
      accounts: { type: 'string', default: '10000' },
      'in-flight': { type: 'string', default: '64' },
      rows: { type: 'string', default: '0' },
      long: { type: 'boolean', default: false },
      only: { type: 'string', default: '' },
      profile: { type: 'boolean', default: false },
      others: { type: 'string', default: '100' },
      'shared-buffers': { type: 'string', default: '2GB' },
    },
  })
  const load: Load = { seconds: Number(values.seconds), inFlight: Number(values['in-flight']) }
  const rows = values.long ? LONG_ROWS : Number(values.rows)
  const size = { wallets: Number(values.accounts), merchants: MERCHANTS }
  const wanted = (group: Group) => values.only === '' || values.only.split(',').includes(group)
  const profile = values.profile ? cpuProfile(join(RESULTS, 'ledger')) : noProfile

  const server = await startServer({ sharedBuffers: values['shared-buffers'] })
  const stops: (() => void | Promise<void>)[] = []
  const samples = new Map<string, Sample[]>()
  const cases: Case[] = []
  try {
    const fresh = async () => {
      const database = await server.database()
      stops.unshift(() => database.close())
      const book = await openBook(database.owner, database.hub(2), size)
      return { database, book, meters: { postmaster: server.pid, sql: database.admin } }
    }
    const main = await fresh()
    if (wanted('ops')) cases.push(...operations(main))
    if (wanted('payments')) cases.push(...(await payments(main)))
    if (wanted('growth') && rows > 0) {
      const [none, filled] = [await fresh(), await fresh()]
      await fillHistory(filled.database.owner, rows, (line) => console.log(`  filling: ${line}`))
      await filled.database.admin`vacuum (analyze)`
      cases.push(
        ledgerCase('growth-none', 'no history', none, randomPairs(none.book)),
        ledgerCase('growth-filled', `${String(rows / 1e6)} M transfers of history`, filled, randomPairs(filled.book)),
      )
    }
    if (wanted('hubs')) {
      const hubs = await startHubs(Math.max(...HUBS), main.database, main.book, server.pid)
      stops.unshift(() => hubs.stop())
      for (const count of HUBS) {
        const title = `${String(count)} hub process${count === 1 ? '' : 'es'} on the hot merchant`
        const key = `hubs-${String(count)}`
        cases.push({ key, title, rate: 'units', run: (each) => hubs.run(count, each) })
      }
    }
    await main.database.admin`checkpoint`
    for (const each of cases) await each.run({ ...load, seconds: WARM_UP_SECONDS })
    for (let round = 1; round <= Number(values.rounds); round++) {
      for (const each of cases) {
        const name = `${each.key}-${String(round)}`
        const sample = await undisturbed(Number(values.others) / 100, () => profile.during(name, () => each.run(load)))
        samples.set(each.key, [...(samples.get(each.key) ?? []), sample])
      }
      console.log(`\n  round ${String(round)}\n${HEAD}`)
      for (const each of cases) console.log(row(each.title, (samples.get(each.key) ?? []).slice(-1), each.rate))
    }
  } finally {
    for (const stop of stops) await stop()
    await server.stop()
  }
  const figures = figuresOf(samples, rows)
  console.log(
    `\n  median of ${values.rounds} rounds, ${values.seconds} s each, ${values['in-flight']} in flight\n${HEAD}`,
  )
  for (const each of cases) console.log(row(each.title, samples.get(each.key) ?? [], each.rate))
  console.log('')
  for (const figure of figures) console.log(figureRow(figure))
  save({ machine: machine(), load, rows, samples: Object.fromEntries(samples), figures: figures.map(withMark) })
}

/** Measures again where others had more of the machine than that: judged by what they did, never by the figure. */
async function undisturbed(others: number, measure: () => Promise<Sample>): Promise<Sample> {
  for (let i = 1; ; i++) {
    const sample = await measure()
    if (elsewhere(sample) <= others || i === AGAIN_TIMES) return sample
    await delay(AGAIN_AFTER_MS)
  }
}

type Place = { database: Database; book: Book; meters: Meters }

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

function operations(place: Place): Case[] {
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

async function payments(place: Place): Promise<Case[]> {
  const { book } = place
  const accounts = await knownAccounts(place.database.hub(2), book)
  const of = (key: string, title: string, asTheHub: boolean, inFlight: number): Case => {
    const turn = wholePayment(book, accounts, { asTheHub })
    const { run } = ledgerCase(key, title, place, turn, { rate: 'turns' })
    return { key, title, rate: 'turns', run: (load) => run({ ...load, inFlight }) }
  }
  const many = `${String(PAYMENTS_IN_FLIGHT)} in flight`
  return [
    of('payments', `full payments, ${many}`, false, PAYMENTS_IN_FLIGHT),
    of('payments-64', 'full payments, 64 in flight', false, 64),
    of('payments-hub', `full payments with jti and balances, as the hub, ${many}`, true, PAYMENTS_IN_FLIGHT),
  ]
}

function figuresOf(samples: ReadonlyMap<string, readonly Sample[]>, rows: number): Figure[] {
  const value = (key: string, of: (sample: Sample) => number) => median((samples.get(key) ?? []).map(of))
  const ratio = (over: string, under: string) =>
    median(
      (samples.get(over) ?? []).map(
        (s, i) => s.unitsPerSecond / (samples.get(under)?.[i]?.unitsPerSecond ?? Number.NaN),
      ),
    )
  const all: (Figure & { of: string })[] = [
    {
      of: 'pairs',
      name: 'two-phase operations/s',
      value: value('pairs', (s) => s.unitsPerSecond),
      unit: '',
      atLeast: 12_000,
    },
    { of: 'single', name: 'the same ÷ one call at a time', value: ratio('pairs', 'single'), unit: '', atLeast: 8 },
    { of: 'hot', name: 'hot merchant ÷ random pairs', value: ratio('hot', 'pairs'), unit: '', atLeast: 0.8 },
    {
      of: 'payments',
      name: 'full payments/s',
      value: value('payments', (s) => s.turnsPerSecond),
      unit: '',
      atLeast: 3_500,
    },
    { of: 'pairs', name: 'p99 of a unit', value: value('pairs', (s) => s.p99Ms), unit: ' ms', atMost: 20 },
    {
      of: 'growth-filled',
      name: `${String(rows / 1e6)} M transfers ÷ none`,
      value: ratio('growth-filled', 'growth-none'),
      unit: '',
      atLeast: 0.8,
    },
    { of: 'hubs-4', name: '4 hubs ÷ 1 on the hot merchant', value: ratio('hubs-4', 'hubs-1'), unit: '', atLeast: 0.8 },
  ]
  return all.filter(({ of }) => samples.has(of)).map(({ of: _of, ...figure }) => figure)
}

const RESULTS = join(ROOT, 'bench', 'results')
const withMark = (figure: Figure) => ({ ...figure, reached: reached(figure) })

function machine() {
  const [cpu] = cpus()
  return { cores: cpus().length, cpu: cpu?.model ?? 'unknown', node: process.version, at: new Date().toISOString() }
}

function save(result: object): void {
  mkdirSync(RESULTS, { recursive: true })
  writeFileSync(join(RESULTS, 'ledger.json'), `${JSON.stringify(result, null, 2)}\n`)
  console.log('\n  written to bench/results/ledger.json')
}
