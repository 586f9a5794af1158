/**
 * `npm run faults -- --seed <s>`: five hundred payments of every kind, on every
 * rail, at 48 in flight, under seeded faults of the rails, the hub killed ten times
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
import { report } from './report.ts'

const USAGE = `npm run faults -- [options]
  --seed <n>        what is dealt, and the rails' draws over each reference  1
  --payments <n>                                                            500
  --in-flight <n>                                                           48
  --kills <n>       of the hub; every second time a rail follows, in turn   10
  --phones <n>                                                              16
  --data <dir>      of a running npm start; else one of its own is started`

const PATIENCE_S = 1_800

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    payments: { type: 'string', default: '500' },
    'in-flight': { type: 'string', default: '48' },
    kills: { type: 'string', default: '10' },
    phones: { type: 'string', default: '16' },
    data: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) console.log(USAGE)
else process.exitCode = await main()

async function main(): Promise<number> {
  const startedAt = performance.now()
  const say = (line: string) => {
    console.log(`${((performance.now() - startedAt) / 1000).toFixed(1).padStart(6)} s  ${line}`)
  }
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
    const outcome = await run(stack?.dev ?? devOf(values.data ?? ''), campaign)
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

function devOf(data: string): () => DevJson {
  const dir = isAbsolute(data) ? data : join(ROOT, data)
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
