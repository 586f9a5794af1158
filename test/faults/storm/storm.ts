import { fork, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startEvents } from '../../../bench/sockets/events.ts'
import { startPeer, type Peer } from '../../../bench/sockets/peer.ts'
import { makePeople, userOf } from '../../../bench/sockets/people.ts'
import { readKeyFile } from '../../../src/config/env.ts'
import { openDatabase } from '../../../src/ledger/index.ts'
import { Patience } from '../../../tools/demo/patience.ts'
import { natsUrl } from '../../../tools/servers/nats.ts'
import { urlFor } from '../../../tools/servers/postgres/index.ts'
import { startStack, type Stack } from '../../support/stack.ts'
import { residentMiB } from '../away/meter.ts'
import { Report, type Given } from './messages.ts'

/**
 * Thousands of phones at two edges, events all the time, and one edge is killed for good: all phones come to the
 * other one and go on where they were, nobody misses an event, and hub, NATS and edge keep within their bounds.
 */
export type Storm = {
  clients: number
  /** Processes of phones. */
  processes: number
  /** Commits of events in a second, before, meanwhile and after. */
  perSecond: number
  transport: 'ws' | 'uws'
  patienceS: number
  say: (line: string) => void
}
export type StormResult = {
  /** Phones whose edge was killed. */
  struck: number
  events: number
  /** From the kill to each phone's new session. */
  backMs: { p50: number; p99: number; most: number }
  /** What the other edge closed its sockets with, and how many dialled in vain. */
  closes: Readonly<Record<string, number>>
  mib: { hub: Span; nats: Span; edge: Span }
  faults: string[]
}
type Span = { before: number; most: number }

const EVENTS_BEFORE_S = 3
const EVENTS_AFTER_S = 3
const SLICE_S = 1
/** A hub's young generation alone may come to 384 MiB (src/proc/dev/table.ts). */
const HUB_GROWTH_MAX_MIB = 512
/** NATS is started with GOMEMLIMIT of 128 MiB, which is the Go heap's. */
const NATS_MAX_MIB = 256
const EDGE_MAX_MIB = 768

export async function storm(options: Storm): Promise<StormResult> {
  const { clients, perSecond, say } = options
  const patience = new Patience(options.patienceS)
  const stack = await startStack()
  const stops: (() => Promise<void> | void)[] = []
  try {
    const dev = stack.dev()
    const keysDir = join(stack.dataDir, 'keys')
    const natsPort = Number(new URL(dev.nats).port)
    const nats = (role: 'hub' | 'edge') =>
      natsUrl(role, readKeyFile(join(keysDir, 'nats'), `${role}.password`), natsPort)
    const people = await makePeople(dev.database, clients)
    // Edges that nobody starts again.
    const place = { natsUrl: nats('edge'), keysDir: join(keysDir, 'edge'), nodeFlags: [] }
    const [doomed, other] = await Promise.all([
      startPeer(`ours-${options.transport}`, place, 'storm-0'),
      startPeer(`ours-${options.transport}`, place, 'storm-1'),
    ])
    stops.push(doomed.stop, other.stop)
    const password = readKeyFile(join(keysDir, 'postgres'), 'mooring_hub.password')
    const events = await startEvents({
      databaseUrl: urlFor(dev.database, 'mooring_hub', password),
      natsUrl: nats('hub'),
    })
    stops.push(events.stop)

    const edges = [doomed, other].map(({ port }) => `ws://127.0.0.1:${port}/v1/socket`)
    const phones = await startPhones(options, { people, edges, bridge: dev.bridge })
    stops.push(phones.stop)
    say(`${clients} phones are connected`)
    const watch = watchMib(stack, other)
    const commit = (seconds: number) => events.commit({ from: 0, to: clients, perSecond, seconds })
    let committed = (await commit(EVENTS_BEFORE_S)).size

    const before = await phones.report()
    const struck = before.phones.filter(({ edge }) => edge === 0)
    say(`${struck.length} of them at the edge that is killed now`)
    const killedAt = Date.now()
    process.kill(doomed.pid, 'SIGKILL')
    let report = before
    await patience.until('every phone to be at the other edge', async () => {
      committed += (await commit(SLICE_S)).size
      report = await phones.report()
      return report.phones.every(({ edge }) => edge === 1) ? true : undefined
    })
    const back = report.phones
      .filter(({ n }) => struck.some((one) => one.n === n))
      .map(({ readyAt }) => readyAt - killedAt)
      .toSorted((a, b) => a - b)
    say(`all are at the other edge, the last after ${back.at(-1) ?? 0} ms`)
    committed += (await commit(EVENTS_AFTER_S)).size

    const wrong = await patience.until('every phone to have heard of every event', async () => {
      report = await phones.report()
      const heard = report.phones.reduce((so, { heard: ids }) => so + ids.length, 0)
      return heard < committed ? undefined : heardWrongly(dev.database, report)
    })
    const mib = await watch.stop()
    const at = (share: number) => back[Math.min(back.length - 1, Math.floor(back.length * share))] ?? Number.NaN
    const result = {
      struck: struck.length,
      events: committed,
      backMs: { p50: at(0.5), p99: at(0.99), most: at(1) },
      closes: report.closes,
      mib,
    }
    return { ...result, faults: [...report.faults, ...wrong, ...beyond(result, clients), ...slow(stack)] }
  } finally {
    for (const stop of stops.toReversed()) await stop()
    await stack.stop()
  }
}

type Phones = { report(): Promise<Report>; stop(): void }

async function startPhones(
  { clients, processes }: Storm,
  given: Pick<Given, 'people' | 'edges' | 'bridge'>,
): Promise<Phones> {
  const main = fileURLToPath(new URL('phones.ts', import.meta.url))
  const children = Array.from({ length: processes }, (_, i) => {
    const share = (part: number) => Math.round((clients * part) / processes)
    const own: Given = { ...given, from: share(i), to: share(i + 1), address: `127.0.0.${i + 2}` }
    return fork(main, [JSON.stringify(own)], { execArgv: [], serialization: 'advanced' })
  })
  await Promise.all(children.map((child) => said(child)))
  return {
    report: async () => {
      const reports = await Promise.all(
        children.map(async (child) => {
          const answer = said(child)
          child.send('report')
          return Report.parse(await answer)
        }),
      )
      return {
        phones: reports.flatMap(({ phones }) => phones),
        faults: reports.flatMap(({ faults }) => faults),
        closes: sum(reports.map(({ closes }) => closes)),
      }
    },
    stop: () => {
      for (const child of children) child.disconnect()
    },
  }
}

function said(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const gone = (code: number | null) => reject(new Error(`a process of phones ended with code ${code ?? 'none'}`))
    child.once('exit', gone)
    child.once('message', (message) => {
      child.off('exit', gone)
      resolve(message)
    })
  })
}

function sum(counts: readonly Record<string, number>[]): Record<string, number> {
  const total: Record<string, number> = {}
  for (const [name, count] of counts.flatMap((one) => Object.entries(one))) total[name] = (total[name] ?? 0) + count
  return total
}

/** Each phone's log against what was committed for its person: the same events, in that order, each once. */
async function heardWrongly(databaseUrl: string, report: Report): Promise<string[]> {
  const sql = openDatabase({ url: databaseUrl, name: 'storm', connections: 1 })
  try {
    const rows = await sql<{ feed: string; ids: string }[]>`
      select feed, string_agg(id, ' ' order by seq) as ids from outbox group by feed`
    const committed = new Map(rows.map(({ feed, ids }) => [feed, ids]))
    return report.phones
      .filter(({ n, heard }) => heard.join(' ') !== (committed.get(userOf(n)) ?? ''))
      .map(
        ({ n, heard }) => `${userOf(n)} heard ${heard.join(' ')}, committed were ${committed.get(userOf(n)) ?? 'none'}`,
      )
  } finally {
    await sql.end()
  }
}

function beyond({ struck, mib }: Omit<StormResult, 'faults'>, clients: number): string[] {
  const found: string[] = []
  // Phones begin at either edge by turns.
  if (struck < clients / 3) found.push(`only ${struck} of ${clients} phones were at the killed edge`)
  if (mib.hub.most - mib.hub.before > HUB_GROWTH_MAX_MIB) found.push(`the hub grew to ${mib.hub.most} MiB`)
  if (mib.nats.most > NATS_MAX_MIB) found.push(`NATS grew to ${mib.nats.most} MiB`)
  if (mib.edge.most > EDGE_MAX_MIB) found.push(`the edge grew to ${mib.edge.most} MiB`)
  return found
}

/** NATS drops a client that does not read: none of ours may be one, whatever comes at once. */
const slow = (stack: Stack): string[] => stack.log('nats').match(/.*[Ss]low [Cc]onsumer.*/g) ?? []

function watchMib(stack: Stack, edge: Peer): { stop(): Promise<StormResult['mib']> } {
  const stopping = new AbortController()
  const pid = (name: string) => stack.dev().pids[name] ?? 0
  const look = () => ({ hub: residentMiB(pid('hub-0')), nats: residentMiB(pid('nats')), edge: residentMiB(edge.pid) })
  const first = look()
  const most = { ...first }
  const watching = (async () => {
    while (!stopping.signal.aborted) {
      const now = look()
      for (const name of ['hub', 'nats', 'edge'] as const) most[name] = Math.max(most[name], now[name])
      await delay(500, undefined, { signal: stopping.signal }).catch(() => {})
    }
  })()
  watching.catch(() => {})
  return {
    async stop() {
      stopping.abort()
      await watching
      const span = (name: 'hub' | 'nats' | 'edge') => ({ before: first[name], most: most[name] })
      return { hub: span('hub'), nats: span('nats'), edge: span('edge') }
    },
  }
}
