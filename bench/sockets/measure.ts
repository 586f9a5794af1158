import { setTimeout as delay } from 'node:timers/promises'
import { SOCKET_LIMITS } from '../../src/contract/index.ts'
import { EDGE_LIMITS } from '../../src/edge/index.ts'
import { machineTicks } from '../ledger/cpu.ts'
import type { Events } from './events.ts'
import type { Fleet } from './fleet.ts'
import type { Done } from './load-messages.ts'
import type { Peer, PeerName } from './peer.ts'

/** What is done with every peer, in the same order and at the same rates. */
export type Load = {
  sockets: number
  /** Commits of events. */
  perSecond: number
  seconds: number
  /** Opened and closed again before anything is measured, so that code is warm and memory is taken. */
  warm: number
}

export type Latency = { count: number; lost: number; p50Ms: number; p99Ms: number; maxMs: number }

/** From when the unit was sent to Postgres, and from when its commit was known; the commit lies between. */
export type Latencies = { fromSent: Latency; fromKnown: Latency }

export type Measured = Latencies & {
  peer: PeerName
  sockets: number
  /** Of the peer's process a socket, bytes. */
  rssBytes: number
  heapBytes: number
  /** Of the peer's process, µs. */
  acceptUs: number
  openedPerSecond: number
  pushUs: number
  /** Of the peer's process while nothing happens, share of a core. */
  idle: number
  /** Of the machine's CPU while events were pushed, 0 to 1. */
  busy: number
}

/** What is there at once after sockets were opened goes on for a moment: snapshots, feeds' subscriptions. */
const SETTLE_MS = 3_000
/**
 * Every session's heartbeats, the one that asks for the true head included, whenever it was opened; Socket.IO's are as far
 * apart. Events are pushed as long, so that the same number of them is taken off.
 */
export const IDLE_MS = SOCKET_LIMITS.heartbeat_ms * EDGE_LIMITS.true_heads_every_pings
const ARRIVE_WITHIN_MS = 10_000

export async function measure(peer: Peer, fleet: Fleet, events: Events, load: Load): Promise<Measured> {
  const { sockets, warm } = load
  await opened(fleet, peer, 0, warm)
  await settle()
  await fleet.close(0, warm)
  await settle()
  const before = await peer.memory()

  const began = performance.now()
  await opened(fleet, peer, 0, sockets)
  const tookS = (performance.now() - began) / 1_000
  const accepted = await peer.usage()
  await settle()
  const after = await peer.memory()

  const { idle } = await idling(peer)
  const pushed = await push(peer, fleet, events, { from: 0, to: sockets, ...load, idle })
  return {
    peer: peer.name,
    sockets,
    rssBytes: (after.rss - before.rss) / sockets,
    heapBytes: (after.heap - before.heap) / sockets,
    acceptUs: (accepted.cpu_us - before.cpu_us) / sockets,
    openedPerSecond: sockets / tookS,
    idle,
    ...pushed,
  }
}

/** A socket that was turned away comes back by itself; here all are open. */
export async function opened(fleet: Fleet, peer: Peer, from: number, to: number, perSecond = 0): Promise<Done> {
  const done = await fleet.open({ dialect: peer.dialect, port: peer.port, from, to, perSecond })
  if (done.open < to - from)
    throw new Error(`${peer.name}: ${done.open} of ${to - from} sockets, closed ${JSON.stringify(done.closed)}`)
  return done
}

export const settle = (): Promise<void> => delay(SETTLE_MS)

async function idling(peer: Peer): Promise<{ idle: number }> {
  const before = await peer.usage()
  await delay(IDLE_MS)
  const after = await peer.usage()
  return { idle: (after.cpu_us - before.cpu_us) / 1_000 / IDLE_MS }
}

/** Events for a while; what a push costs is without what the peer uses when idle. */
export async function push(
  peer: Peer,
  fleet: Fleet,
  events: Events,
  to: { from: number; to: number; perSecond: number; seconds: number; idle: number },
): Promise<Latencies & { pushUs: number; busy: number }> {
  await fleet.take()
  const ticks = machineTicks()
  const before = await peer.usage()
  const began = performance.now()
  const known = await events.commit(to)
  const received = await arrived(fleet, known.size)
  const idleUs = to.idle * (performance.now() - began) * 1_000
  const after = await peer.usage()
  const now = machineTicks()
  const from = (at: (mark: number) => number) =>
    latency(
      known.size,
      received.map(([mark, us]) => us - at(mark)),
    )
  return {
    fromSent: from((mark) => mark),
    fromKnown: from((mark) => known.get(mark) ?? mark),
    pushUs: (after.cpu_us - before.cpu_us - idleUs) / Math.max(1, received.length),
    busy: (now.busy - ticks.busy) / Math.max(1, now.all - ticks.all),
  }
}

async function arrived(fleet: Fleet, count: number): Promise<[number, number][]> {
  const received: [number, number][] = []
  const late = performance.now() + ARRIVE_WITHIN_MS
  while (received.length < count && performance.now() < late) {
    received.push(...(await fleet.take()).received)
    if (received.length < count) await delay(50)
  }
  return received
}

function latency(sent: number, us: readonly number[]): Latency {
  const sorted = us.toSorted((a, b) => a - b)
  const at = (share: number) =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN) / 1_000
  return { count: us.length, lost: sent - us.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) }
}

export type Many = {
  sockets: number
  /** Opened beside events, at this rate. */
  perSecond: number
  acceptUs: number
  rssBytes: number
  /** Of the edge's process with all of them, MB. */
  rssMb: number
  idle: number
  /** To the sessions there before, meanwhile. */
  meanwhile: Latencies
  /** To all, afterwards. */
  afterwards: Latencies
}

/** From some thousand sessions to many, while events go to those that are there. */
export async function grow(
  peer: Peer,
  fleet: Fleet,
  events: Events,
  {
    there,
    to,
    perSecond,
    opensPerSecond,
    seconds,
    pushUs,
  }: {
    there: number
    to: number
    perSecond: number
    opensPerSecond: number
    seconds: number
    /** What a push costs, to be taken off what the edge uses meanwhile. */
    pushUs: number
  },
): Promise<Many> {
  const before = await peer.memory()
  await fleet.take()
  const began = performance.now()
  const opening = opened(fleet, peer, there, to, opensPerSecond).then(async ({ received }) => ({
    tookS: (performance.now() - began) / 1_000,
    usage: await peer.usage(),
    beside: received,
  }))
  const lasts = Math.ceil((to - there) / opensPerSecond)
  // What the fleet receives while it opens is told when that is done.
  const [{ tookS, usage, beside }, known] = await Promise.all([
    opening,
    events.commit({ from: 0, to: there, perSecond, seconds: lasts }),
  ])
  const received = [...beside, ...(await arrived(fleet, known.size - beside.length))]
  const pushesUs = pushUs * perSecond * Math.min(tookS, lasts)
  await settle()
  const after = await peer.memory()
  const from = (at: (mark: number) => number) =>
    latency(
      known.size,
      received.map(([mark, us]) => us - at(mark)),
    )
  const { idle } = await idling(peer)
  const afterwards = await push(peer, fleet, events, { from: 0, to, perSecond, seconds, idle })
  return {
    sockets: to,
    perSecond: (to - there) / tookS,
    acceptUs: (usage.cpu_us - before.cpu_us - pushesUs) / (to - there),
    rssBytes: (after.rss - before.rss) / (to - there),
    rssMb: after.rss / 2 ** 20,
    idle,
    meanwhile: { fromSent: from((mark) => mark), fromKnown: from((mark) => known.get(mark) ?? mark) },
    afterwards,
  }
}
