/**
 * The long forms of the fault tests, by name. `npm run faults -- --seed <s>`: five hundred payments of every kind, on every
 * rail, and refunds of many of them, at 48 in flight, under seeded faults of the rails, the hub killed ten times
 * and each rail twice; then every witness is asked about every payment. Ends with 0 only if they agree.
 * The same seed deals the same orders; payments' ids are new each time, so the
 * bank's draws over them fall on others.
 */
import { isAbsolute, join } from 'node:path'
import { parseArgs } from 'node:util'
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

const { values, positionals } = parseArgs({
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
    help: { type: 'boolean', default: false },
  },
})

const startedAt = performance.now()
const say = (line: string) => {
  console.log(`${((performance.now() - startedAt) / 1000).toFixed(1).padStart(6)} s  ${line}`)
}
const [what = 'everything'] = positionals

if (values.help) console.log(USAGE)
else if (what === 'everything') process.exitCode = await main()
else if (what === 'fence') process.exitCode = await fence()
else if (what === 'resume') process.exitCode = await resume()
else if (what === 'slow-rail') process.exitCode = await beside()
else if (what === 'steps') process.exitCode = await steps()
else if (what === 'storm') process.exitCode = await stormy()
else if (what === 'temporal-away') process.exitCode = await away()
else throw new Error(`there is no fault run called ${what}\n${USAGE}`)

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
      seed: count('--seed', values.seed, 0),
      blows: count('--blows', values.blows, 1),
      phones: count('--phones', values.phones, 2),
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
  const cases = values.all ? BLOWS.length : count('--cases', values.cases, 1)
  const blows = dealBlows(count('--seed', values.seed, 0), cases)
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
    how: values.freeze ? 'frozen' : 'stopped',
    seconds: count('--for', values.for, 10),
    perSecond: count('--rate', values.rate, 1),
    answersWithinMs: 50,
    patienceS: PATIENCE_S,
    say,
  })
  console.log(JSON.stringify(found, null, 2))
  return verdict(faults)
}

async function stormy(): Promise<number> {
  const { faults, ...found } = await storm({
    clients: count('--clients', values.clients, 2),
    processes: 3,
    perSecond: 100,
    transport: values.transport === 'uws' ? 'uws' : 'ws',
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
    seed: count('--seed', values.seed, 0),
    payments: count('--payments', values.payments, 1),
    inFlight: count('--in-flight', values['in-flight'], 1),
    phones: count('--phones', values.phones, 2),
    victims: victims(count('--kills', values.kills, 0)),
    faults: 'all',
    patienceS: PATIENCE_S,
    say,
  }
  const stack = values.data === undefined ? await startStack() : undefined
  say(stack === undefined ? `playing on ${values.data ?? ''}` : 'a stack of its own is ready')
  try {
    const data = dirOf(values.data ?? '')
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

function count(name: string, text: string, least: number): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < least) throw new Error(`${name} is a whole number from ${least}`)
  return value
}
