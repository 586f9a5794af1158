import type { PaymentView, RefundView } from '../../src/contract/index.ts'
import { Patience } from '../../tools/demo/patience.ts'
import type { DevJson } from '../../tools/dev-json.ts'
import { operatorsOf } from '../e2e/support/operators.ts'
import { followToEnd, persistently, prepare, type Ended, type Order } from '../e2e/support/orders.ts'
import { disagreements } from '../e2e/support/proof.ts'
import { RAIL_NAMES, type RailName } from '../e2e/support/rails.ts'
import { followRefund, withRefunds } from '../e2e/support/refunds.ts'
import { inLanes, openWorld, type World } from '../e2e/support/world.ts'
import { deal } from './deck.ts'
import { Hands } from './hands.ts'
import { killInTurn, type Kill } from './killer.ts'

export type Campaign = {
  seed: number
  payments: number
  inFlight: number
  phones: number
  /** Names in dev.json, in the order in which they are killed. */
  victims: readonly string[]
  /** `brief`: those after which a payment has ended within some seconds. */
  faults: 'brief' | 'all'
  patienceS: number
  say: (line: string) => void
}

export type Outcome = {
  campaign: Campaign
  /** With the time from confirm to terminal, of its refunds too. */
  ended: readonly (Ended & { tookMs: number })[]
  /** Refunds that an operator had to end. */
  byHand: number
  kills: readonly Kill[]
  /** From the last fault or kill to the last terminal state; 0 where all had ended before. */
  lastTerminalMs: number
  elapsedMs: number
  /** What is wrong. */
  faults: readonly string[]
}

/** Of a rail's arrivals, each. */
const SHARE = 0.015
const shares = (kinds: readonly string[]): Record<string, number> =>
  Object.fromEntries(kinds.map((kind) => [kind, SHARE]))
/** What is answered for by the next inquiry. */
const BRIEF = ['drop_after', 'error_after', 'duplicate_callback', 'malformed', 'wrong_content', 'duplicate_answer']
/** What an operator can be believed of only after a minute; a bank says at once that it never saw an order. */
const LOST = ['drop_before', 'error_before']
const LONG = ['delay', 'pending', 'hang_after', 'hang_before', 'answer_twice', 'bad_signature', 'late_callback']

function faultsOf(rail: RailName, faults: Campaign['faults']): Record<string, number> {
  if (faults === 'all') return shares([...BRIEF, ...LOST, ...LONG])
  return shares(rail === 'bank' ? [...BRIEF, ...LOST] : BRIEF)
}

const FUND_MINOR = 500_000n
/** security.md, I3: every payment terminal so soon after the last fault and the last kill. */
const LAST_TERMINAL_MS = 120_000

/** How a payment may end under these faults and kills. */
const HONEST_ENDS = new Set(['succeeded', 'failed not_executed', 'failed rail_unavailable', 'expired'])

export const endOf = ({ status, failure }: Pick<PaymentView | RefundView, 'status' | 'failure'>): string =>
  failure === null ? status : `${status} ${failure.code}`

/** One seeded run against a running stack, then what every witness says of it. */
export async function run(dev: () => DevJson, dataDir: string, campaign: Campaign): Promise<Outcome> {
  const { seed, payments, inFlight, victims, say } = campaign
  const patience = new Patience(campaign.patienceS)
  const world = await openWorld(dev(), patience, { phones: campaign.phones, fundMinor: FUND_MINOR })
  try {
    say(`${world.phones.length} phones enrolled, linked and funded`)
    const faults = (name: RailName, on: boolean) =>
      world.rails[name].random(seed, on ? faultsOf(name, campaign.faults) : {})
    await Promise.all(RAIL_NAMES.map((name) => faults(name, true)))
    const orders = deal(world, seed, payments)
    const ended: (Ended & { tookMs: number; atMs: number })[] = []
    const startedAt = performance.now()
    let begun = 0
    let accepted = 0
    let faultsEndedAt = startedAt
    const endFaults = async () => {
      await Promise.all(RAIL_NAMES.map((name) => faults(name, false)))
      faultsEndedAt = performance.now()
      say('the last payment is accepted: the rails make no more mistakes')
    }
    const hands = new Hands(world, operatorsOf(dev, dataDir, patience))
    const killing = killInTurn({ victims, dev, sql: world.sql, patience, begun: () => begun / payments, say })
    const paying = inLanes(inFlight, orders, async (order) => {
      begun += 1
      const one = await pay(world, order, async () => {
        accepted += 1
        if (accepted === payments) await endFaults()
      })
      ended.push(one)
      if (ended.length % 100 === 0) say(`${ended.length} payments have ended`)
    })
    const [kills] = await Promise.all([killing, paying, hands.until(paying)])
    const lastTerminalAt = Math.max(...ended.map(({ atMs }) => atMs))
    const lastTerminalMs = Math.max(0, lastTerminalAt - Math.max(faultsEndedAt, kills.at(-1)?.atMs ?? startedAt))
    const elapsedMs = lastTerminalAt - startedAt
    say('all have ended; every witness is asked')
    const found = [
      ...(await disagreements(world, ended)),
      ...ended
        .filter(({ view }) => !HONEST_ENDS.has(endOf(view)))
        .map(({ view }) => `${view.id} ended ${endOf(view)}, for which nothing here is a reason`),
      ...ended
        .flatMap(({ refunds = [] }) => refunds)
        .filter(({ last }) => !HONEST_ENDS.has(endOf(last)))
        .map(({ last }) => `${last.id} ended ${endOf(last)}, for which nothing here is a reason`),
      ...(lastTerminalMs > LAST_TERMINAL_MS
        ? [`the last payment ended ${lastTerminalMs} ms after the last fault`]
        : []),
    ]
    return { campaign, ended, byHand: hands.count, kills, lastTerminalMs, elapsedMs, faults: found }
  } finally {
    await world.close()
  }
}

async function pay(
  world: World,
  order: Order,
  accepted: () => Promise<void>,
): Promise<Ended & { tookMs: number; atMs: number }> {
  const { patience, currency } = world
  const { confirm } = await patience.within(
    'an order to be prepared',
    persistently(() => prepare(order, currency)),
  )
  const confirmedAt = performance.now()
  const { id } = await patience.within(`a ${order.way} to be accepted`, persistently(confirm))
  await accepted()
  const view = await followToEnd(patience, order, id)
  const one = view.status === 'succeeded' ? await giveBack(world, { order, view }) : { order, view }
  const atMs = performance.now()
  return { ...one, tookMs: atMs - confirmedAt, atMs }
}

/** The merchant's refunds of a purchase, all of them at once. */
async function giveBack({ patience }: World, { order, view }: Ended): Promise<Ended> {
  const { refundsMinor = [], merchant } = order
  if (refundsMinor.length === 0) return { order, view }
  const refunds = await Promise.all(
    refundsMinor.map(async (amountMinor) => {
      const asked = await merchant.refund({ payment: view.id, amount: amountMinor.toString() })
      return followRefund(patience, order, asked)
    }),
  )
  return withRefunds(patience, { order, view }, refunds)
}
