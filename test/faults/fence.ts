import { spawnSync } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { attemptReference } from '../../src/domain/ids.ts'
import { Patience } from '../../tools/demo/patience.ts'
import { COURSE, followToEnd, persistently, prepare, type Ended, type Order, type Way } from '../e2e/support/orders.ts'
import { disagreements } from '../e2e/support/proof.ts'
import { inLanes, openWorld, type World } from '../e2e/support/world.ts'
import type { Stack } from '../support/stack.ts'
import { endOf } from './campaign.ts'
import { arm, firedAt } from './failpoint.ts'

/**
 * A hub frozen between journal and first byte, as a paused machine is, and woken
 * when others have taken the payment over: the rail's book shows at most one move,
 * and the one that our ledger shows (payments.md, rule 7). `seconds` null: until others have ended the payment.
 */
export type Freeze = { way: Way; seconds: number | null }
export type Frozen = Freeze & {
  hub: string
  ends: string
  /** Times the call was journalled to be sent, over all hubs. */
  sends: number
  /** Times it came to the rail, where it moved money. */
  arrivals: number
}

const PHONES = 2
const FUND_MINOR = 400_000n
const STEP = 'journalled'

/** Freezes hubs, `atOnce` at a time. Answers what became of each, and what is wrong. */
export async function freezeHubs(
  stack: Stack,
  freezes: readonly Freeze[],
  options: { atOnce: number; patienceS: number; say: (line: string) => void },
): Promise<{ frozen: Frozen[]; faults: string[] }> {
  const patience = new Patience(options.patienceS)
  const world = await openWorld(stack.dev(), patience, { phones: PHONES, fundMinor: FUND_MINOR })
  try {
    const frozen: Frozen[] = []
    const ended: Ended[] = []
    const fall = inTurn()
    await inLanes(options.atOnce, freezes.entries(), async ([no, freeze]) => {
      const order = orderFor(world, freeze.way, BigInt(1_000 + no))
      const { confirm } = await persistently(() => prepare(order, world.currency))
      const { hit, id } = await fall(async () => {
        const path = arm(stack, { step: STEP, signal: 'SIGSTOP' }, order.amountMinor)
        const accepted = await persistently(confirm)
        const struck = await patience.until(`a hub to reach ${path}`, () => firedAt(stack, path) ?? undefined)
        await patience.until(`${struck.hub} to stand still`, () => (isStopped(struck.pid) ? true : undefined))
        return { hit: struck, id: accepted.id }
      })
      const { hub, pid } = hit
      options.say(`${hub} stands still ${spanOf(freeze)}: ${freeze.way}`)
      try {
        if (freeze.seconds === null) await followToEnd(patience, order, id)
        else await delay(freeze.seconds * 1_000)
      } finally {
        process.kill(pid, 'SIGCONT')
      }
      const view = await followToEnd(patience, order, id)
      options.say(`${freeze.way} after it stood still ${spanOf(freeze)}: ${endOf(view)}`)
      ended.push({ order, view })
      frozen.push({ ...freeze, hub, ends: endOf(view), ...(await sendsOf(world, { order, view })) })
    })
    const faults = [
      ...(await disagreements(world, ended)),
      ...frozen
        .filter(({ arrivals, ends }) => arrivals !== (ends === 'succeeded' ? 1 : 0))
        .map((one) => `${one.way}, frozen ${spanOf(one)}: ${one.ends}, and it came ${one.arrivals} times to the rail`),
    ]
    return { frozen, faults }
  } finally {
    await world.close()
  }
}

function orderFor(world: World, way: Way, amountMinor: bigint): Order {
  const [payer, payee] = world.phones
  return { way, amountMinor, payer, payee, merchant: world.merchants[0] }
}

async function sendsOf(world: World, { order, view }: Ended): Promise<{ sends: number; arrivals: number }> {
  const { at } = COURSE[order.way]
  if (at === null) throw new Error(`${order.way} is at no rail`)
  const [row] = await world.sql<{ sends: number }[]>`select sends from attempts where payment = ${view.id}`
  const reference = attemptReference(view.id, at.operation, 1)
  const lines = (await world.rails[at.rail].book()).filter((line) => line.reference === reference)
  return { sends: row?.sends ?? 0, arrivals: lines.reduce((sum, line) => sum + line.times_requested, 0) }
}

function spanOf({ seconds }: Freeze): string {
  return seconds === null ? 'until others had ended it' : `for ${seconds} s`
}

function isStopped(pid: number): boolean {
  return spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).stdout.startsWith('T')
}

/** One after the other, in order of call. */
function inTurn(): <T>(work: () => Promise<T>) => Promise<T> {
  let before: Promise<unknown> = Promise.resolve()
  return (work) => {
    const mine = before.then(work)
    before = mine.catch(() => {})
    return mine
  }
}
