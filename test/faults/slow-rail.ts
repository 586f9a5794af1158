import { setTimeout as delay } from 'node:timers/promises'
import { MooringError } from '../../clients/mobile/index.ts'
import { Patience } from '../../tools/demo/patience.ts'
import { followToEnd, persistently, prepare, type Ended, type Order, type Way } from '../e2e/support/orders.ts'
import { disagreements } from '../e2e/support/proof.ts'
import { inLanes, openWorld, type World } from '../e2e/support/world.ts'
import type { Stack } from '../support/stack.ts'

/** One rail hangs while payments for it keep coming: wallets and the other rails do not notice (acceptance.md). */
export type SlowRail = {
  /** Payments a second at the rail that hangs, and as many before it does. */
  perSecond: number
  /** Payments a second elsewhere. */
  othersPerSecond: number
  seconds: number
  patienceS: number
  say: (line: string) => void
}
export type SlowRailResult = {
  baselineMs: Quantiles
  besideMs: Quantiles
  hanging: number
  refused: number
  faults: string[]
}
type Quantiles = { p50: number; p99: number }

const PHONES = 8
const FUND_MINOR = 450_000n
const LANES = 8
const HANGS: Way = 'qr from mobile money'
const OTHERS: readonly Way[] = ['person to person', 'qr from wallet', 'top-up', 'qr from phone bill']

type Planned = { order: Order; confirm: () => Promise<{ id: string }> }

export async function slowRail(stack: Stack, options: SlowRail): Promise<SlowRailResult> {
  const { perSecond, othersPerSecond, seconds, say } = options
  const patience = new Patience(options.patienceS)
  const world = await openWorld(stack.dev(), patience, { phones: PHONES, fundMinor: FUND_MINOR })
  try {
    const ended: Ended[] = []
    const others = (from: number) => planned(world, OTHERS, othersPerSecond * seconds, from)
    const there = (from: number) => planned(world, [HANGS], perSecond * seconds, from)
    const [warmUp, baseline, beside] = [await others(100), await others(800), await others(1_500)]
    const [healthy, slow] = [await there(2_200), await there(2_900)]
    await paid(world, warmUp, othersPerSecond, ended)
    const [took] = await Promise.all([
      paid(world, baseline, othersPerSecond, ended),
      paid(world, healthy, perSecond, ended),
    ])
    const before = quantiles(took)
    say(`baseline: p50 ${before.p50} ms, p99 ${before.p99} ms`)
    await world.rails.money.outage(seconds + 5, 'hang')
    let refused = 0
    const hanging = paced(slow, perSecond, async ({ order, confirm }) => {
      try {
        const { id } = await confirm()
        ended.push({ order, view: await followToEnd(patience, order, id) })
      } catch (error) {
        if (!(error instanceof MooringError)) throw error
        refused += 1
      }
    })
    const with_ = quantiles(await paid(world, beside, othersPerSecond, ended))
    say(`while one rail hangs: p50 ${with_.p50} ms, p99 ${with_.p99} ms`)
    await hanging
    return {
      baselineMs: before,
      besideMs: with_,
      hanging: slow.length - refused,
      refused,
      faults: await disagreements(world, ended),
    }
  } finally {
    await world.close()
  }
}

/** Orders with everything done but the payer's yes. */
async function planned(world: World, ways: readonly Way[], count: number, from: number): Promise<Planned[]> {
  const made: Planned[] = []
  await inLanes(
    LANES,
    Array.from({ length: count }, (_, i) => i),
    async (i) => {
      const payer = world.phones[i % world.phones.length] ?? world.phones[0]
      const payee = payer === world.phones[0] ? world.phones[1] : world.phones[0]
      const way = ways[i % ways.length] ?? HANGS
      const order: Order = { way, amountMinor: BigInt(from + i), payer, payee, merchant: world.merchants[0] }
      const { confirm } = await persistently(() => prepare(order, world.currency))
      made.push({ order, confirm })
    },
  )
  return made
}

/** Confirms at this rate, whatever becomes of those before; each one's time from there to its end, ms. */
async function paid(world: World, plan: readonly Planned[], perSecond: number, ended: Ended[]): Promise<number[]> {
  const took: number[] = []
  await paced(plan, perSecond, async ({ order, confirm }) => {
    const startedAt = performance.now()
    const { id } = await persistently(confirm)
    ended.push({ order, view: await followToEnd(world.patience, order, id) })
    took.push(performance.now() - startedAt)
  })
  return took
}

async function paced<T>(items: readonly T[], perSecond: number, work: (item: T) => Promise<void>): Promise<void> {
  const startedAt = performance.now()
  const running: Promise<void>[] = []
  for (const [i, item] of items.entries()) {
    const dueMs = startedAt + (i * 1_000) / perSecond - performance.now()
    if (dueMs > 0) await delay(dueMs)
    running.push(work(item))
  }
  await Promise.all(running)
}

function quantiles(took: readonly number[]): Quantiles {
  const sorted = took.toSorted((a, b) => a - b)
  const at = (q: number) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0)
  return { p50: at(0.5), p99: at(0.99) }
}
