/**
 * The long forms of the fault tests, by name. `npm run faults -- --seed <s>`: five hundred payments of every kind, on every
 * rail, and refunds of many of them, at 48 in flight, under seeded faults of the rails, the hub killed ten times
 * and each rail twice; then every witness is asked about every payment. Ends with 0 only if they agree.
 * The same seed deals the same orders; payments' ids are new each time, so the
 * bank's draws over them fall on others.
 */
import { isAbsolute, join } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { commandLine, wholeNumber } from '../../tools/command-line.ts'
import { readDevJson, type DevJson } from '../../tools/dev-json.ts'
import { ROOT } from '../../tools/paths.ts'
import { RAIL_NAMES, SIMULATOR } from '../e2e/support/rails.ts'
import { startStack } from '../support/stack.ts'
import { run, type Campaign } from './campaign.ts'
import { freezeHubs } from './fence.ts'
import { report } from './report.ts'
import { RESUME_STACK, playResume } from './resume/resume.ts'
import { slowRail } from './slow-rail.ts'
import { storm } from './storm/storm.ts'
import { temporalAway } from './away/away.ts'
import { dealBlows } from './steps/deal.ts'
import { strikeAll, STRIKE_ENV } from './steps/play.ts'
import { BLOWS } from './steps/points.ts'

const USAGE = `npm run faults -- [fence | resume | slow-rail | steps | storm | temporal-away] [options]
  fence             hubs frozen 40, 90 and 150 s between journal and first byte
  resume            relays, NATS, edges and networks fail on an event's way to its phones
    --seed <n>      what is dealt                                            1
    --blows <n>                                                             56
    --phones <n>                                                            16
  slow-rail         one rail hangs at 20 payments a second; what others notice of it
  steps             faults of rails, each with its hub struck before or after a commit
    --seed <n>      what is dealt                                            1
    --cases <n>                                                             60
    --all           every one
  storm             one of two edges is killed under thousands of phones
    --clients <n>                                                         5000
    --transport ws|uws                                                      ws
  temporal-away     Temporal is stopped while payments keep coming
    --for <s>                                                               60
    --rate <n>      payments a second                                      100
    --freeze        it stands still instead
  and without either, the run of everything:
  --seed <n>        what is dealt, and the rails' draws over each reference  1
  --payments <n>                                                            500
  --in-flight <n>                                                           48
  --kills <n>       of the hub; every second time a rail follows, in turn   10
  --phones <n>                                                              16
  --data <dir>      of a running npm start; else one of its own is started`

const PATIENCE_S = 1_800

const Runs = z.enum(['everything', 'fence', 'resume', 'slow-rail', 'steps', 'storm', 'temporal-away'])

const Told = z.object({
  seed: wholeNumber(0),
  payments: wholeNumber(1),
  'in-flight': wholeNumber(1),
  kills: wholeNumber(0),
  phones: wholeNumber(2),
  data: z.string().optional(),
  blows: wholeNumber(1),
  cases: wholeNumber(1),
  all: z.boolean(),
  for: wholeNumber(10),
  rate: wholeNumber(1),
  freeze: z.boolean(),
  clients: wholeNumber(2),
  transport: z.enum(['ws', 'uws'], 'expected ws or uws'),
})

const { what, ...told } = commandLine(USAGE, (args) => {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      seed: { type: 'string', default: '1' },
      payments: { type: 'string', default: '500' },
      'in-flight': { type: 'string', default: '48' },
      kills: { type: 'string', default: '10' },
      phones: { type: 'string', default: '16' },
      data: { type: 'string' },
      blows: { type: 'string', default: '56' },
      cases: { type: 'string', default: '60' },
      all: { type: 'boolean', default: false },
      for: { type: 'string', default: '60' },
      rate: { type: 'string', default: '100' },
      freeze: { type: 'boolean', default: false },
      clients: { type: 'string', default: '5000' },
      transport: { type: 'string', default: 'ws' },
    },
  })
  const [name = 'everything'] = positionals
  const named = Runs.safeParse(name)
  if (!named.success) throw new Error(`there is no fault run called ${name}`)
  return { ...Told.parse(values), what: named.data }
})

const startedAt = performance.now()
const say = (line: string) => {
  console.log(`${((performance.now() - startedAt) / 1000).toFixed(1).padStart(6)} s  ${line}`)
}
const runs: Readonly<Record<z.infer<typeof Runs>, () => Promise<number>>> = {
  everything: main,
  fence,
  resume,
  'slow-rail': beside,
  steps,
  storm: stormy,
  'temporal-away': away,
}
process.exitCode = await runs[what]()

/** Where another hub takes over what a frozen one has begun, whatever the rail says of it. */
async function fence(): Promise<number> {
  const hubs = 4
  const stack = await startStack({ args: ['--hubs', String(hubs)] })
  try {
    const ways = ['top-up', 'withdrawal', 'qr from phone bill', 'top-up by mobile money'] as const
    const freezes = [150, 90, 40].flatMap((seconds) => ways.map((way) => ({ way, seconds })))
    const { frozen, faults } = await freezeHubs(stack, freezes, { atOnce: hubs - 1, patienceS: PATIENCE_S, say })
    console.table(frozen)
    return verdict(faults)
  } finally {
    await stack.stop()
  }
}

async function resume(): Promise<number> {
  const stack = await startStack(RESUME_STACK)
  try {
    const { faults, ...found } = await playResume(stack, {
      seed: told.seed,
      blows: told.blows,
      phones: told.phones,
      patienceS: PATIENCE_S,
      say,
    })
    const { payments, heard, cuts, epochs } = found
    say(`${payments} payments, ${heard} events heard, ${cuts} times cut off, ${epochs} epochs`)
    return verdict(faults)
  } finally {
    await stack.stop()
  }
}

async function beside(): Promise<number> {
  const stack = await startStack()
  try {
    const found = await slowRail(stack, { perSecond: 20, othersPerSecond: 5, seconds: 30, patienceS: PATIENCE_S, say })
    const { baselineMs, besideMs, hanging, refused, faults } = found
    say(`${hanging} payments waited for the rail that hung, ${refused} were refused before money was held`)
    const slower = besideMs.p99 >= 2 * baselineMs.p99 ? ['the others’ p99 doubled while one rail hung'] : []
    return verdict([...faults, ...slower])
  } finally {
    await stack.stop()
  }
}

async function steps(): Promise<number> {
  const hubs = 6
  const cases = told.all ? BLOWS.length : told.cases
  const blows = dealBlows(told.seed, cases)
  const stack = await startStack({ args: ['--hubs', String(hubs)], env: STRIKE_ENV })
  try {
    say(`${blows.length} of ${BLOWS.length} cases`)
    const { struck, faults } = await strikeAll(stack, blows, {
      hubs,
      lanes: 12,
      // What waits for an operator to be believed takes two minutes, some of them at a time.
      patienceS: PATIENCE_S + 20 * cases,
      say,
    })
    say(`${struck.length} were struck; the longest took ${Math.max(...struck.map(({ tookMs }) => tookMs))} ms`)
    return verdict(faults)
  } finally {
    await stack.stop()
  }
}

async function away(): Promise<number> {
  const { faults, ...found } = await temporalAway({
    how: told.freeze ? 'frozen' : 'stopped',
    seconds: told.for,
    perSecond: told.rate,
    answersWithinMs: 50,
    patienceS: PATIENCE_S,
    say,
  })
  console.log(JSON.stringify(found, null, 2))
  return verdict(faults)
}

async function stormy(): Promise<number> {
  const { faults, ...found } = await storm({
    clients: told.clients,
    processes: 3,
    perSecond: 100,
    transport: told.transport,
    patienceS: PATIENCE_S,
    say,
  })
  console.log(JSON.stringify(found, null, 2))
  return verdict(faults)
}

function verdict(faults: readonly string[]): number {
  console.log(faults.length === 0 ? 'Every witness agrees.' : faults.map((fault) => `  ${fault}`).join('\n'))
  return faults.length === 0 ? 0 : 1
}

async function main(): Promise<number> {
  const campaign: Campaign = {
    seed: told.seed,
    payments: told.payments,
    inFlight: told['in-flight'],
    phones: told.phones,
    victims: victims(told.kills),
    faults: 'all',
    patienceS: PATIENCE_S,
    say,
  }
  const stack = told.data === undefined ? await startStack() : undefined
  say(stack === undefined ? `playing on ${told.data ?? ''}` : 'a stack of its own is ready')
  try {
    const data = dirOf(told.data ?? '')
    const outcome = await run(stack?.dev ?? devOf(data), stack?.dataDir ?? data, campaign)
    console.log(report(outcome))
    return outcome.faults.length === 0 ? 0 : 1
  } finally {
    await stack?.stop()
  }
}

function victims(kills: number): string[] {
  return Array.from({ length: kills }, (_, i) => {
    const rail = i % 2 === 0 ? RAIL_NAMES[(i / 2) % RAIL_NAMES.length] : undefined
    return rail === undefined ? ['hub-0'] : ['hub-0', SIMULATOR[rail]]
  }).flat()
}

function dirOf(data: string): string {
  return isAbsolute(data) ? data : join(ROOT, data)
}

function devOf(dir: string): () => DevJson {
  return () => {
    const dev = readDevJson(dir)
    if (dev === undefined) throw new Error(`no npm start runs on ${dir}`)
    return dev
  }
}
