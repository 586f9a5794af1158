import { setTimeout as delay } from 'node:timers/promises'
import type { PaymentView } from '../../../src/contract/index.ts'
import { Patience } from '../../../tools/demo/patience.ts'
import { COURSE, persistently, type Ended } from '../../e2e/support/orders.ts'
import { disagreements } from '../../e2e/support/proof.ts'
import { openWorld, type World } from '../../e2e/support/world.ts'
import { startTemporal } from '../../support/servers.ts'
import { startStack } from '../../support/stack.ts'
import { allEnded, offer, type Confirmed, type Load } from './load.ts'
import { answersSoFar, hubMiB, quantileMs, watchMemory } from './meter.ts'

/**
 * Temporal is stopped, or stands still, while payments keep coming: the hub answers each at once, keeps its size, posts
 * what is between wallets without it, and begins nothing after its `start_by` (acceptance.md, Temporal away).
 */
export type Away = {
  how: 'stopped' | 'frozen'
  seconds: number
  perSecond: number
  /** Of the answers, 99 of 100 come within this, ms. */
  answersWithinMs: number
  patienceS: number
  say: (line: string) => void
}
export type AwayResult = {
  answers: { count: number; p50Ms: number; p95Ms: number; p99Ms: number }
  /** Of the largest hub, MiB: before, and the most meanwhile and after. */
  memory: { before: number; most: number }
  refused: Readonly<Record<string, number>>
  wallet: { offered: number; atOnce: number }
  rail: { executed: number; expired: number }
  faults: string[]
}

const PHONES = 10
const FUND_MINOR = 450_000n
/** Before, so that memory and connections are what they are in a running hub. */
const WARM_UP_S = 5
/** Starts that hang are given up after 2 s, five in a row; then nothing waits for Temporal any more. */
const NOTICED_MS = 6_000
const AT_ONCE_SHARE = 0.99
/** Its young generation alone may come to 384 MiB (src/proc/dev/table.ts). */
const GROWTH_MAX_MIB = 512

export async function temporalAway(options: Away): Promise<AwayResult> {
  const { how, seconds, perSecond, say } = options
  const temporal = await startTemporal()
  const stack = await startStack({ env: { TEMPORAL_ADDRESS: temporal.address } })
  try {
    const world = await openWorld(stack.dev(), new Patience(options.patienceS), {
      phones: PHONES,
      fundMinor: FUND_MINOR,
    })
    try {
      const warm = await offer(world, perSecond, WARM_UP_S)
      const known = await allEnded(world, await answered(warm.confirmed))
      const before = hubMiB(stack)
      const memory = watchMemory(stack)
      const answersBefore = await answersSoFar(stack.dev())
      say(`Temporal is ${how} for ${seconds} s; the hub has ${before} MiB`)
      let load: Load
      let answersAfter
      if (how === 'stopped') await temporal.kill()
      else process.kill(temporal.pid, 'SIGSTOP')
      try {
        const awayAt = performance.now()
        load = await offer(world, perSecond, seconds)
        answersAfter = await answersSoFar(stack.dev())
        // The offers themselves take as long, where the machine keeps up with them.
        await delay(Math.max(0, seconds * 1_000 - (performance.now() - awayAt)))
      } finally {
        if (how === 'stopped') await temporal.start()
        else process.kill(temporal.pid, 'SIGCONT')
      }
      const unanswered = load.confirmed.filter(({ view }) => view === null).length
      say(`Temporal is back; ${load.confirmed.length} were accepted, ${unanswered} of them without an answer in time`)
      const confirmed = await answered(load.confirmed)
      const ended = await allEnded(world, confirmed)
      const most = Math.max(...(await memory.stop()))
      say('all have ended; every witness is asked')
      const within = (share: number) => quantileMs(answersBefore, answersAfter, share)
      const result = {
        answers: {
          count: within(1).count,
          p50Ms: within(0.5).withinMs,
          p95Ms: within(0.95).withinMs,
          p99Ms: within(0.99).withinMs,
        },
        memory: { before, most },
        refused: Object.fromEntries(load.refused),
        wallet: walletsOf(confirmed),
        rail: railsOf(ended),
      }
      return { ...result, faults: [...tooMuch(result, options), ...(await wrong(world, [...known, ...ended], ended))] }
    } finally {
      await world.close()
    }
  } finally {
    await stack.stop()
    await temporal.stop()
  }
}

/** What was not answered in time is asked for again, under its key. */
async function answered(confirmed: readonly Confirmed[]): Promise<(Confirmed & { view: PaymentView })[]> {
  return Promise.all(confirmed.map(async (one) => ({ ...one, view: one.view ?? (await persistently(one.again)) })))
}

/** Of wallet payments offered once the hub has noticed: how many were over with their reply, which asking again repeats. */
function walletsOf(confirmed: readonly (Confirmed & { view: PaymentView })[]): AwayResult['wallet'] {
  const offered = confirmed.filter(({ order, atMs }) => COURSE[order.way].at === null && atMs > NOTICED_MS)
  return { offered: offered.length, atOnce: offered.filter(({ view }) => view.status === 'succeeded').length }
}

function railsOf(ended: readonly Ended[]): AwayResult['rail'] {
  const atRails = ended.filter(({ order }) => COURSE[order.way].at !== null)
  const count = (status: string) => atRails.filter(({ view }) => view.status === status).length
  return { executed: count('succeeded'), expired: count('expired') }
}

function tooMuch({ answers, memory, wallet }: Omit<AwayResult, 'faults'>, { answersWithinMs }: Away): string[] {
  const found: string[] = []
  if (answers.p99Ms > answersWithinMs) found.push(`99 of 100 answers came within ${answers.p99Ms} ms only`)
  const grown = memory.most - memory.before
  if (grown > GROWTH_MAX_MIB) found.push(`a hub grew by ${grown} MiB`)
  if (wallet.offered === 0 || wallet.atOnce < AT_ONCE_SHARE * wallet.offered) {
    found.push(`of ${wallet.offered} wallet payments ${wallet.atOnce} went on without Temporal`)
  }
  return found
}

async function wrong(world: World, all: readonly Ended[], during: readonly Ended[]): Promise<string[]> {
  // The journal of the first call is the row's; nothing here is ever sent a second time.
  const late = await world.sql<{ id: string; by: number }[]>`
    select p.id, extract(epoch from a.dispatched_at - p.start_by)::float8 as by
    from payments p join attempts a on a.payment = p.id where a.dispatched_at >= p.start_by`
  const odd = during.filter(({ view }) => view.status !== 'succeeded' && view.status !== 'expired')
  return [
    ...late.map(({ id, by }) => `${id} began at its rail ${by} s after its time`),
    ...odd.map(({ view }) => `${view.id} ended ${view.status}, for which nothing here is a reason`),
    ...(await disagreements(world, all)),
  ]
}
