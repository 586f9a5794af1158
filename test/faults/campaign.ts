import { MooringError } from '../../clients/mobile/index.ts'
import type { PaymentView } from '../../src/contract/index.ts'
import { Patience } from '../../tools/demo/patience.ts'
import type { DevJson } from '../../tools/dev-json.ts'
import { followToEnd, prepare, type Ended, type Order } from '../e2e/support/orders.ts'
import { disagreements } from '../e2e/support/proof.ts'
import { inLanes, openWorld, type World } from '../e2e/support/world.ts'
import { deal } from './deck.ts'
import { killInTurn, type Kill } from './killer.ts'

export type Campaign = {
  seed: number
  payments: number
  inFlight: number
  phones: number
  /** Names in dev.json, in the order in which they are killed. */
  victims: readonly string[]
  patienceS: number
  say: (line: string) => void
}

export type Outcome = {
  campaign: Campaign
  /** With the time from confirm to terminal. */
  ended: readonly (Ended & { tookMs: number })[]
  kills: readonly Kill[]
  /** From the last kill to the last terminal state; 0 where all had ended before. */
  lastTerminalMs: number
  elapsedMs: number
  /** What is wrong. */
  faults: readonly string[]
}

/** Of the bank's arrivals, each. */
const SHARE = 0.02
const FAULTS = { drop_after: SHARE, drop_before: SHARE, error_after: SHARE, duplicate_callback: SHARE }
const FUND_MINOR = 500_000n
/** Issue 1: every payment terminal so soon after the last kill. */
const LAST_TERMINAL_MS = 120_000

/** How a payment may end under these faults and kills. */
const HONEST_ENDS = new Set(['succeeded', 'failed not_executed', 'failed rail_unavailable', 'expired'])

export const endOf = ({ status, failure }: PaymentView): string =>
  failure === null ? status : `${status} ${failure.code}`

/** One seeded run against a running stack, then what every witness says of it. */
export async function run(dev: () => DevJson, campaign: Campaign): Promise<Outcome> {
  const { seed, payments, inFlight, victims, say } = campaign
  const patience = new Patience(campaign.patienceS)
  const world = await openWorld(dev(), patience, { phones: campaign.phones, fundMinor: FUND_MINOR })
  try {
    say(`${world.phones.length} phones enrolled, linked and funded`)
    await world.bank.random(seed, FAULTS)
    const orders = deal(world, seed, payments)
    const ended: (Ended & { tookMs: number; atMs: number })[] = []
    const startedAt = performance.now()
    let begun = 0
    const killing = killInTurn({ victims, dev, sql: world.sql, patience, begun: () => begun / payments, say })
    const paying = inLanes(inFlight, orders, async (order) => {
      begun += 1
      ended.push(await pay(world, order))
      if (ended.length % 100 === 0) say(`${ended.length} payments have ended`)
    })
    const [kills] = await Promise.all([killing, paying])
    const lastTerminalAt = Math.max(...ended.map(({ atMs }) => atMs))
    const lastTerminalMs = Math.max(0, lastTerminalAt - (kills.at(-1)?.atMs ?? startedAt))
    const elapsedMs = lastTerminalAt - startedAt
    await world.bank.random(seed, {})
    say('all have ended; every witness is asked')
    const faults = [
      ...(await disagreements(world, ended)),
      ...ended
        .filter(({ view }) => !HONEST_ENDS.has(endOf(view)))
        .map(({ view }) => `${view.id} ended ${endOf(view)}, for which nothing here is a reason`),
      ...(lastTerminalMs > LAST_TERMINAL_MS ? [`the last payment ended ${lastTerminalMs} ms after the last kill`] : []),
    ]
    return { campaign, ended, kills, lastTerminalMs, elapsedMs, faults }
  } finally {
    await world.close()
  }
}

async function pay(world: World, order: Order): Promise<Ended & { tookMs: number; atMs: number }> {
  const { patience, currency } = world
  const { confirm } = await patience.within(
    'an order to be prepared',
    persistently(() => prepare(order, currency)),
  )
  const confirmedAt = performance.now()
  const { id } = await patience.within(`a ${order.way} to be accepted`, persistently(confirm))
  const view = await followToEnd(patience, order, id)
  const atMs = performance.now()
  return { order, view, tookMs: atMs - confirmedAt, atMs }
}

/** The SDK retries until its deadline; a person then tries again, with the same key. */
async function persistently<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof MooringError) || !error.retryable) throw error
    }
  }
}
