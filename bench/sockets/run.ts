import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { readKeyFile } from '../../src/config/env.ts'
import { startStack } from '../../test/support/stack.ts'
import { commandLine, someOf, wholeNumber } from '../../tools/command-line.ts'
import { ROOT } from '../../tools/paths.ts'
import { natsUrl } from '../../tools/servers/nats.ts'
import { urlFor } from '../../tools/servers/postgres/index.ts'
import { figureRow, reached } from '../ledger/figures.ts'
import { startEvents } from './events.ts'
import { figuresOf } from './figures.ts'
import { startFleet } from './fleet.ts'
import { grow, IDLE_MS, type Many, measure, type Measured } from './measure.ts'
import { PEERS, type PeerName, startPeer } from './peer.ts'
import { makePeople } from './people.ts'
import { growthLine, HEAD, row } from './table.ts'

/**
 * Sockets: the bare transports, Socket.IO and Mooring's edge, in one run, on the same servers, with the same
 * phones in other processes and the same events, committed in Postgres and brought by relay and NATS.
 */

const Options = z.object({
  only: someOf(PEERS),
  sockets: wholeNumber(1),
  many: wholeNumber(0),
  rate: wholeNumber(1),
  opens: wholeNumber(1),
  seconds: wholeNumber(1),
  processes: wholeNumber(1),
  profile: z.boolean(),
})

/** Opened before, so that what a process takes once is not counted for each socket. */
const WARM = 1_000
const RESULTS = join(ROOT, 'bench', 'results')

const USAGE = `npm run bench -- sockets [options]
  --only <peers>      with commas between: ${PEERS.join(', ')}   all
  --sockets <n>       of each peer                                             5000
  --many <n>          sessions in one process at the end; 0 for none           15000
  --rate <n>          events a second                                          500
  --opens <n>         connections opened a second                              250
  --seconds <n>       each is watched, idle and busy                           ${IDLE_MS / 1_000}
  --processes <n>     that hold the phones                                     3
  --profile           also CPU profiles, in bench/results`

const DEFAULTS = {
  only: { type: 'string', default: PEERS.join(',') },
  sockets: { type: 'string', default: '5000' },
  many: { type: 'string', default: '15000' },
  rate: { type: 'string', default: '500' },
  opens: { type: 'string', default: '250' },
  seconds: { type: 'string', default: String(IDLE_MS / 1_000) },
  processes: { type: 'string', default: '3' },
  profile: { type: 'boolean', default: false },
} as const

export async function run(args: string[]): Promise<void> {
  const options = commandLine(USAGE, (told) => Options.parse(parseArgs({ args: told, options: DEFAULTS }).values), args)
  const { sockets, many, rate: perSecond, seconds } = options
  const stack = await startStack({ env: { MOORING_FAILPOINTS: undefined } })
  try {
    const dev = stack.dev()
    const keysDir = join(stack.dataDir, 'keys')
    const password = (role: 'hub' | 'edge') => readKeyFile(join(keysDir, 'nats'), `${role}.password`)
    const natsPort = Number(new URL(dev.nats).port)
    const people = await makePeople(dev.database, Math.max(sockets, many))
    const fleet = startFleet(options.processes, { people, keysDir })
    const events = await startEvents({
      databaseUrl: urlFor(dev.database, 'mooring_hub', readKeyFile(join(keysDir, 'postgres'), 'mooring_hub.password')),
      natsUrl: natsUrl('hub', password('hub'), natsPort),
    })
    const place = {
      natsUrl: natsUrl('edge', password('edge'), natsPort),
      keysDir: join(keysDir, 'edge'),
      nodeFlags: options.profile ? ['--cpu-prof', `--cpu-prof-dir=${RESULTS}`] : [],
    }

    const measured = new Map<PeerName, Measured>()
    let grown: Many | undefined
    console.log(HEAD)
    for (const name of options.only) {
      const peer = await startPeer(name, place)
      try {
        const result = await measure(peer, fleet, events, {
          sockets,
          perSecond,
          seconds,
          warm: Math.min(WARM, sockets),
        })
        measured.set(name, result)
        console.log(row(result))
        // The last of ours goes on, to as many as one process is to take.
        if (name === options.only.filter((one) => one.startsWith('ours-')).at(-1) && many > sockets) {
          const rates = { perSecond, opensPerSecond: options.opens, seconds, pushUs: result.pushUs }
          grown = await grow(peer, fleet, events, { there: sockets, to: many, ...rates })
          console.log(growthLine(grown))
        }
        await fleet.close(0, Math.max(sockets, many))
      } finally {
        await peer.stop()
      }
    }
    fleet.stop()
    await events.stop()
    const figures = figuresOf(measured, grown)
    console.log('')
    for (const figure of figures) console.log(figureRow(figure))
    save({
      machine: { cores: cpus().length, cpu: cpus()[0]?.model, node: process.version, at: new Date().toISOString() },
      options,
      measured: [...measured.values()],
      grown,
      figures: figures.map((figure) => ({ ...figure, reached: reached(figure) })),
    })
  } finally {
    await stack.stop()
  }
}

function save(result: object): void {
  mkdirSync(RESULTS, { recursive: true })
  writeFileSync(join(RESULTS, 'sockets.json'), `${JSON.stringify(result, null, 2)}\n`)
  console.log('\n  written to bench/results/sockets.json')
}
