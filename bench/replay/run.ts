import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { jetstreamManager } from '@nats-io/jetstream'
import { z } from 'zod'
import { connectBus, FEED_STREAM, RELAY_WAKE, feedSubject, requestHub, type Bus } from '../../src/bus/index.ts'
import { readKeyFile } from '../../src/config/env.ts'
import { makeIds } from '../../src/domain/ids.ts'
import { makeLedger, openDatabase } from '../../src/ledger/index.ts'
import { makeLog } from '../../src/observe/log.ts'
import { RawPhone } from '../../test/e2e/support/raw-phone.ts'
import { startStack } from '../../test/support/stack.ts'
import { commandLine, wholeNumber } from '../../tools/command-line.ts'
import { Patience } from '../../tools/demo/patience.ts'
import { natsUrl, type NatsRole } from '../../tools/servers/nats.ts'
import { urlFor } from '../../tools/servers/postgres/index.ts'
import { measure } from '../payments/measure.ts'
import { metered, type Sample } from '../payments/meter.ts'

/**
 * What a phone missed, read in the two ways there are: a page from Postgres through a hub, as the edge does, and a
 * batch from the stream by direct get. CPU of each process for one read (docs/adr/0007).
 */

const Options = z.object({ reads: wholeNumber(1), events: wholeNumber(1, 100) })
const IN_FLIGHT = 8
const ASK_MS = 10_000

const USAGE = `npm run bench -- replay [options]
  --reads <n>    of each way               3000
  --events <n>   in each read, 1 to 100    20`

const DEFAULTS = { reads: { type: 'string', default: '3000' }, events: { type: 'string', default: '20' } } as const

export async function run(args: string[]): Promise<void> {
  const { reads, events } = commandLine(
    USAGE,
    (told) => Options.parse(parseArgs({ args: told, options: DEFAULTS }).values),
    args,
  )
  const stack = await startStack({ env: { MOORING_FAILPOINTS: undefined } })
  try {
    const dev = stack.dev()
    const key = (dir: string, name: string) => readKeyFile(join(stack.dataDir, 'keys', dir), name)
    const busOf = (role: NatsRole) =>
      connectBus({
        url: natsUrl(role, key('nats', `${role}.password`), Number(new URL(dev.nats).port)),
        name: 'bench-replay',
      })
    const phone = await RawPhone.make(dev)
    const databaseUrl = urlFor(dev.database, 'mooring_hub', key('postgres', 'mooring_hub.password'))
    const [edge, relay] = await Promise.all([busOf('edge'), busOf('relay')])
    const { after, upto, pos } = await tell(databaseUrl, relay, phone.user, events)

    const page = async () => {
      const request = {
        requestId: 'req_00000000000000000000',
        credential: { type: 'device' as const, token: phone.token },
        body: { feed: phone.user, after, upto },
        deadline: Date.now() + ASK_MS,
      }
      const reply = await requestHub(edge, 'feed.page', request, ASK_MS)
      if (!reply.ok) throw new Error(JSON.stringify(reply.error))
      return Page.parse(reply.body).events.length
    }
    const { direct } = await jetstreamManager(relay, { checkAPI: false })
    const batch = async () => {
      const found = await direct.getBatch(FEED_STREAM, {
        seq: pos,
        next_by_subj: feedSubject(phone.user),
        batch: events,
      })
      let heard = 0
      for await (const message of found) if (message.data.length > 0) heard += 1
      return heard
    }

    const { 'hub-0': hub = 0, nats = 0, postgres = 0 } = dev.pids
    const meter = { worker: { pid: hub, idle: 0 }, ours: { hub, nats, postgres } }
    console.log(`  CPU of a read of ${events} events, ms`)
    console.log('                       hub   Postgres   NATS   reader    all   p50, ms')
    for (const [name, read] of [
      ['a page from Postgres', page],
      ['a batch by direct get', batch],
    ] as const) {
      const once = async () => {
        const heard = await read()
        if (heard !== events) throw new Error(`${heard} of ${events} events were read`)
      }
      await measure(Math.ceil(reads / 10), IN_FLIGHT, once)
      console.log(row(name, await metered(meter, () => measure(reads, IN_FLIGHT, once))))
    }
    await Promise.all([edge.close(), relay.close(), phone.socket.close()])
  } finally {
    await stack.stop()
  }
}

const Page = z.object({ events: z.array(z.unknown()) })

/** So many events of somebody's, committed and published; `pos` of the first. */
async function tell(url: string, wake: Bus, feed: string, count: number) {
  const sql = openDatabase({ url, name: 'bench-replay', connections: 1 })
  const ledger = makeLedger({ sql, log: makeLog({ name: 'bench-replay', level: 'warn' }) })
  const ids = makeIds(Date.now, randomBytes)
  try {
    for (let i = 0; i < count; i++) {
      const body = { currency: 'KES', available: String(i), pending: '0' }
      const event = { id: ids.make('evt'), feed, name: 'balance.updated' as const, body }
      await ledger.apply({ id: ids.uuid(), ok: { events: [event] } })
    }
    wake.publish(RELAY_WAKE)
    return await new Patience(60).until('all events to be published', async () => {
      const [found] = await sql<{ upto: string; pos: string; open: number }[]>`
        select max(seq)::text as upto, (array_agg(pos order by seq desc))[${count}]::text as pos,
          count(*) filter (where published_at is null)::integer as open
        from outbox where feed = ${feed}`
      if (found === undefined || found.open > 0) return undefined
      return { after: Number(found.upto) - count, upto: Number(found.upto), pos: Number(found.pos) }
    })
  } finally {
    await ledger.drain()
    await sql.end({ timeout: 1 })
  }
}

function row(name: string, { cpuMs, p50Ms }: Sample): string {
  const { hub = 0, postgres = 0, nats = 0, bench = 0 } = cpuMs
  const all = hub + postgres + nats + bench
  const cells = [hub, postgres, nats, bench, all, p50Ms].map((ms) => ms.toFixed(2).padStart(8))
  return `  ${name.padEnd(22)}${cells.join(' ')}`
}
