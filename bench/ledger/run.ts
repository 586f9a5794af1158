import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { commandLine, someOf, wholeNumber } from '../../tools/command-line.ts'
import { ROOT } from '../../tools/paths.ts'
import { openBook } from './book.ts'
import { type Case, growth, hubProcesses, type Load, operations, payments, type Place } from './cases.ts'
import type { Sample } from './drive.ts'
import { type Figure, figureRow, figuresOf, reached } from './figures.ts'
import { ask, longHistory, TIMED_HEAD, type Timed, timedRow } from './history.ts'
import { cpuProfile, noProfile } from './profile.ts'
import { startServer } from './server.ts'
import { elsewhere, HEAD, row } from './table.ts'
import { undisturbed } from './undisturbed.ts'

/**
 * The ledger alone: units of work through the aggregator of one process against a
 * Postgres of the bench's own, and questions about a long history. Rounds go through
 * all cases in turn, so that a ratio compares moments that are seconds apart.
 */

const WARM_UP_SECONDS = 2
const MERCHANTS = 100
const LONG_ROWS = 10_000_000
const GROUPS = ['ops', 'payments', 'growth', 'hubs', 'history'] as const
type Group = (typeof GROUPS)[number]

const USAGE = `npm run bench -- ledger [options]
  --only <groups>           with commas between: ${GROUPS.join(', ')}   all
  --rounds <n>                                                                    3
  --seconds <n>             of each case in a round                               3
  --accounts <n>            wallets                                               10000
  --in-flight <n>                                                                 64
  --rows <n>                transfers in the table, for growth                    0
  --long                    ten million of them
  --lines <n>               of the history that is asked                          1000000
  --others <%>              of the machine that others may use meanwhile          100
  --shared-buffers <size>   of its Postgres                                       2GB
  --profile                 also CPU profiles, in bench/results`

const Options = z.object({
  only: someOf(GROUPS),
  rounds: wholeNumber(1),
  seconds: wholeNumber(1),
  accounts: wholeNumber(1),
  'in-flight': wholeNumber(1),
  rows: wholeNumber(0),
  long: z.boolean(),
  lines: wholeNumber(1),
  others: wholeNumber(0, 100),
  'shared-buffers': z.string(),
  profile: z.boolean(),
})

const DEFAULTS = {
  rounds: { type: 'string', default: '3' },
  seconds: { type: 'string', default: '3' },
  accounts: { type: 'string', default: '10000' },
  'in-flight': { type: 'string', default: '64' },
  rows: { type: 'string', default: '0' },
  lines: { type: 'string', default: '1000000' },
  long: { type: 'boolean', default: false },
  only: { type: 'string', default: GROUPS.join(',') },
  profile: { type: 'boolean', default: false },
  others: { type: 'string', default: '100' },
  'shared-buffers': { type: 'string', default: '2GB' },
} as const

export async function run(args: string[]): Promise<void> {
  const values = commandLine(USAGE, (told) => Options.parse(parseArgs({ args: told, options: DEFAULTS }).values), args)
  const load: Load = { seconds: values.seconds, inFlight: values['in-flight'] }
  const rows = values.long ? LONG_ROWS : values.rows
  const size = { wallets: values.accounts, merchants: MERCHANTS }
  const wanted = (group: Group) => values.only.includes(group)
  const others = values.others / 100
  const profile = values.profile ? cpuProfile(join(RESULTS, 'ledger')) : noProfile

  const server = await startServer({ sharedBuffers: values['shared-buffers'] })
  const stops: (() => void | Promise<void>)[] = []
  const samples = new Map<string, Sample[]>()
  const cases: Case[] = []
  const questions: Timed[] = []
  try {
    const fresh = async (): Promise<Place> => {
      const database = await server.database()
      stops.unshift(() => database.close())
      const book = await openBook(database.owner, database.hub(2), size)
      return { database, book, meters: { postmaster: server.pid, sql: database.admin } }
    }
    const main = await fresh()
    if (wanted('ops')) cases.push(...operations(main))
    if (wanted('payments')) cases.push(...(await payments(main)))
    if (wanted('growth') && rows > 0) cases.push(...(await growth(await fresh(), await fresh(), rows)))
    if (wanted('hubs')) {
      const hubs = await hubProcesses(main)
      stops.unshift(() => hubs.stop())
      cases.push(...hubs.cases)
    }
    if (wanted('history')) questions.push(...(await longHistory(await fresh(), values.lines)))
    await main.database.admin`checkpoint`
    for (const each of cases) await each.run({ ...load, seconds: WARM_UP_SECONDS })
    for (let round = 1; round <= values.rounds; round++) {
      for (const each of cases) {
        const name = `${each.key}-${String(round)}`
        const sample = await undisturbed(others, () => profile.during(name, () => each.run(load)), elsewhere)
        samples.set(each.key, [...(samples.get(each.key) ?? []), sample])
      }
      await ask(questions, others)
      console.log(`\n  round ${String(round)}`)
      if (cases.length > 0) console.log(HEAD)
      for (const each of cases) console.log(row(each.title, (samples.get(each.key) ?? []).slice(-1), each.rate))
      printTimes(questions.map((each) => ({ ...each, rounds: each.rounds.slice(-1) })))
    }
  } finally {
    for (const stop of stops) await stop()
    await server.stop()
  }
  const figures = figuresOf(samples, questions, rows)
  console.log(`\n  median of ${values.rounds} rounds, ${values.seconds} s each, ${values['in-flight']} in flight`)
  if (cases.length > 0) console.log(HEAD)
  for (const each of cases) console.log(row(each.title, samples.get(each.key) ?? [], each.rate))
  printTimes(questions)
  console.log('')
  for (const figure of figures) console.log(figureRow(figure))
  const times = Object.fromEntries(questions.map(({ key, rounds }) => [key, rounds]))
  save({ machine: machine(), load, rows, samples: Object.fromEntries(samples), times, figures: figures.map(withMark) })
}

function printTimes(questions: readonly Timed[]): void {
  if (questions.length > 0) console.log(TIMED_HEAD)
  for (const each of questions) console.log(timedRow(each))
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
