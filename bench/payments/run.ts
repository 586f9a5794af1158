import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { commandLine, someOf, wholeNumber } from '../../tools/command-line.ts'
import { ROOT } from '../../tools/paths.ts'
import { type Figure, figureRow, reached } from '../ledger/figures.ts'
import { express } from './express.ts'
import { expressFigures, mixedFigures } from './figures.ts'
import { type Histories, histories } from './histories.ts'
import type { Sample } from './meter.ts'
import { type Place, runningPlace, startPlace, TEMPORALS, type TemporalKind } from './place.ts'
import { treePssKb } from './processes.ts'
import { profileOf, unprofiled } from './profile.ts'
import { type Case, type Load, mixed, PHONES, type Round } from './rounds.ts'
import { cpuLine, HEAD, row } from './table.ts'

/**
 * Whole payments through the socket, in turn with what they are compared with on the
 * same servers: a bare workflow, and the payment as a tutorial would write it.
 */

const Options = z.object({
  data: z.string().optional(),
  temporal: someOf(TEMPORALS),
  only: someOf(['rails', 'express']),
  rounds: wholeNumber(1),
  count: wholeNumber(1),
  'in-flight': wholeNumber(1),
  idle: wholeNumber(1),
  express: wholeNumber(1),
  'express-in-flight': wholeNumber(1),
  others: wholeNumber(0, 100),
  profile: z.boolean(),
})
type Options = z.infer<typeof Options>

const RESULTS = join(ROOT, 'bench', 'results')
const CASES: readonly [Case, string][] = [
  ['bare', 'bare workflow'],
  ['naive', 'naive payment'],
  ['ours', 'payment, all rails by turns'],
  ['bareIdle', 'bare workflow, one at a time'],
  ['oursIdle', 'payment, one at a time'],
]

/** So many of them under load. */
const LOADED = 3

type Section = {
  temporal: TemporalKind
  rails: string[]
  rounds: Round[]
  events: Histories
  pssMb: number | undefined
}

const USAGE = `npm run bench -- payments [options]
  --only <cases>            rails, express, or both with a comma             both
  --temporal <servers>      dev, postgres, or both with a comma              dev
  --data <dir>              of a running npm start; else one of its own is started
  --rounds <n>                                                               3
  --count <n>               payments of a round                              640
  --in-flight <n>                                                            32
  --idle <n>                payments one after another, in each round        100
  --express <n>             payments of an express round                     4096
  --express-in-flight <n>                                                    128
  --others <%>              of the machine that others may use meanwhile     100
  --profile                 also CPU profiles, in bench/results`

const DEFAULTS = {
  data: { type: 'string' },
  temporal: { type: 'string', default: 'dev' },
  only: { type: 'string', default: 'rails,express' },
  rounds: { type: 'string', default: '3' },
  count: { type: 'string', default: '640' },
  'in-flight': { type: 'string', default: '32' },
  idle: { type: 'string', default: '100' },
  express: { type: 'string', default: '4096' },
  'express-in-flight': { type: 'string', default: '128' },
  others: { type: 'string', default: '100' },
  profile: { type: 'boolean', default: false },
} as const

export async function run(args: string[]): Promise<void> {
  const options = commandLine(USAGE, (told) => Options.parse(parseArgs({ args: told, options: DEFAULTS }).values), args)
  const figures: Figure[] = []
  const sections: Section[] = []
  let expressed: Sample[] = []
  if (options.only.includes('rails')) {
    for (const temporal of options.temporal) {
      const section = await onRails(temporal, options)
      sections.push(section)
      figures.push(...mixedFigures(temporal, section.rounds, section.events))
    }
  }
  if (options.only.includes('express')) {
    expressed = await onTheLane(options)
    figures.push(...expressFigures(expressed))
  }
  printAll(sections, expressed, figures, options)
  save({ machine: machine(), options, sections, express: expressed, figures: figures.map(withMark) })
}

const loadOf = (options: Options): Load => ({
  rounds: options.rounds,
  count: options.count,
  inFlight: options['in-flight'],
  idle: options.idle,
  others: options.others / 100,
})

/** Every payment is a workflow: the express lane is closed. */
async function onRails(temporal: TemporalKind, options: Options): Promise<Section> {
  return at(temporal, options, { MOORING_EXPRESS: 'off' }, async (place, under) => {
    const { rounds, rails, paid } = await mixed(
      place,
      loadOf(options),
      (n, result) => print(`round ${String(n)}, Temporal: ${temporal}`, [result]),
      under,
    )
    const pssMb = place.pid === undefined ? undefined : Math.round(treePssKb(place.pid) / 1_024)
    return { temporal, rails, rounds, events: await histories(place, paid), pssMb }
  })
}

/** No payment of a wallet is a workflow. */
async function onTheLane(options: Options): Promise<Sample[]> {
  return at('dev', options, { MOORING_EXPRESS: 'always' }, (place, under) =>
    express(
      place,
      {
        rounds: options.rounds,
        others: options.others / 100,
        count: options.express,
        inFlight: options['express-in-flight'],
      },
      (n, sample) =>
        console.log(`\n  express, round ${String(n)}\n${HEAD}\n${row('wallet payment, express', [sample])}`),
      under,
    ),
  )
}

async function at<T>(
  temporal: TemporalKind,
  options: Options,
  env: Record<string, string>,
  act: (place: Place, under: <R>(run: () => Promise<R>) => Promise<R>) => Promise<T>,
): Promise<T> {
  const place = options.data === undefined ? await startPlace(temporal, env) : runningPlace(options.data)
  try {
    const hub = place.dev.pids['hub-0'] ?? 0
    return await act(
      place,
      options.profile ? profileOf(hub, `hub-${env['MOORING_EXPRESS'] ?? ''}`, RESULTS) : unprofiled,
    )
  } finally {
    await place.stop()
  }
}

function print(title: string, rounds: readonly Round[]): void {
  console.log(`\n  ${title}\n${HEAD}`)
  for (const [key, name] of CASES) {
    const samples = rounds.map((round) => round[key])
    console.log(row(name, samples))
  }
}

function printAll(sections: Section[], expressed: Sample[], figures: Figure[], options: Options): void {
  for (const { temporal, rounds, rails, events, pssMb } of sections) {
    print(
      `median of ${String(rounds.length)} rounds, ${String(options['in-flight'])} in flight from ${String(PHONES)} phones, Temporal: ${temporal}`,
      rounds,
    )
    console.log(
      `\n  rails: ${rails.join(', ')}; history events: ${Object.entries(events)
        .map(([rail, n]) => `${rail} ${String(n)}`)
        .join(', ')}`,
    )
    for (const [key, name] of CASES.slice(0, LOADED))
      console.log(
        cpuLine(
          name,
          rounds.map((round) => round[key]),
        ),
      )
    if (pssMb !== undefined) console.log(`  all processes, PSS: ${String(pssMb)} MB`)
  }
  if (expressed.length > 0) {
    console.log(`\n${HEAD}\n${row('wallet payment, express', expressed)}`)
    console.log(cpuLine('wallet payment, express', expressed))
  }
  console.log('')
  for (const figure of figures) console.log(figureRow(figure))
}

const withMark = (figure: Figure) => ({ ...figure, reached: reached(figure) })

function machine() {
  const [cpu] = cpus()
  return { cores: cpus().length, cpu: cpu?.model ?? 'unknown', node: process.version, at: new Date().toISOString() }
}

function save(result: object): void {
  mkdirSync(RESULTS, { recursive: true })
  writeFileSync(join(RESULTS, 'payments.json'), `${JSON.stringify(result, null, 2)}\n`)
  console.log('\n  written to bench/results/payments.json')
}
