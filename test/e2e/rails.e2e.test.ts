import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FAST_WINDOW_MS } from '../../src/domain/attempt.ts'
import { Patience } from '../../tools/demo/patience.ts'
import { startStack, type Stack } from '../support/stack.ts'
import { isLost, isSoon, type Kind } from './support/fault-kinds.ts'
import { FAULT_ROWS, rowName, rowSees, type FaultRow } from './support/fault-rows.ts'
import { operatorsOf } from './support/operators.ts'
import { followToEnd, persistently, prepare, type Ended, type Order, type Way } from './support/orders.ts'
import type { Phone } from './support/phone.ts'
import { disagreements } from './support/proof.ts'
import { RAIL_NAMES } from './support/rails.ts'
import { REFUND_ROWS, refundName, refundSees, type RefundRow } from './support/refund-rows.ts'
import * as stories from './support/stories.ts'
import { inLanes, openWorld, type World } from './support/world.ts'

/**
 * Every fault kind at every step of every rail, through the whole stack, refunds too.
 * All of them are on their way at once, so that what waits longest costs no more than
 * itself; each has an amount of its own, by which its rail knows what to do wrong.
 */

const PHONES = 8
/** Of whom the operator wants a code for each payment. */
const TYPISTS = 2
const FUND_MINOR = 450_000n
const LANES = 12
const PATIENCE_S = 560
/** Most of it is a minute's wait for what was lost. */
const HOOK_TIMEOUT_MS = 600_000
/** Some clocks and timers lie between the window's end and the row that says so. */
const WINDOW_SLACK_MS = 200

const OUTAGES = ['refuse', 'hang', '500'] as const
const OUTAGE_S = 5
const OUTAGE_WAYS: readonly Way[] = ['top-up', 'withdrawal', 'qr from phone bill', 'withdrawal to mobile money']
const WAITS = 'processing awaiting_rail'

describe('a payment at a rail that misbehaves', () => {
  let stack: Stack
  let world: World
  let deposit: Ended
  const payments = new Map<FaultRow, stories.Story>()
  const refunds = new Map<RefundRow, stories.RefundStory>()
  const outages: { mode: string; end: Promise<Ended> }[] = []

  beforeAll(async () => {
    stack = await startStack()
    const options = { phones: PHONES + TYPISTS, fundMinor: FUND_MINOR }
    world = await openWorld(stack.dev(), new Patience(PATIENCE_S), options)
    const { phones, rails } = world
    for (const { accounts } of phones.slice(PHONES)) await rails.operator.asksForCodes(accounts.operator)
    const bought = await stories.payForRefunds(
      world,
      REFUND_ROWS,
      ({ way }, no, amountMinor) => orderOf(way, phoneOf(no), amountMinor, world.merchants[1]),
      LANES,
    )
    deposit = bought.deposit
    for (const mode of OUTAGES) await beginDuring(mode)
    const operators = operatorsOf(stack.dev, stack.dataDir, world.patience)
    const begin = [
      ...FAULT_ROWS.map((row, no) => ({ row, begin: async () => payments.set(row, await beginPayment(row, no)) })),
      ...REFUND_ROWS.map((row) => ({
        row,
        begin: async () => {
          const paid = bought.paid.get(row)
          if (paid === undefined) throw new Error(`${refundName(row)} was not paid`)
          refunds.set(row, await stories.beginRefund(world, operators, row, paid))
        },
      })),
    ]
    // What waits longest begins first.
    const inOrder = begin.toSorted((a, b) => Number(isLost(b.row)) - Number(isLost(a.row)))
    await inLanes(LANES, inOrder, async (one) => {
      await one.begin()
    })
    await Promise.allSettled([...payments.values(), ...refunds.values(), ...outages].map(({ end }) => end))
  }, HOOK_TIMEOUT_MS)

  afterAll(async () => {
    await world?.close()
    await stack?.stop()
  })

  const phoneOf = (no: number): Phone => world.phones[no % PHONES] ?? world.phones[0]
  const typistOf = (no: number): Phone => world.phones[PHONES + (no % TYPISTS)] ?? world.phones[0]
  const orderOf = (way: Way, payer: Phone, amountMinor: bigint, merchant = world.merchants[0]): Order => ({
    way,
    amountMinor,
    payer,
    payee: payer,
    merchant,
  })

  function beginPayment(row: FaultRow, no: number): Promise<stories.Story> {
    const payer = row.on.step === 'validate' ? typistOf(no) : phoneOf(no)
    return stories.beginPayment(world, row, orderOf(row.way, payer, BigInt(1_000 + no)))
  }

  /** Returns once the rails are back. */
  async function beginDuring(mode: (typeof OUTAGES)[number]): Promise<void> {
    const { currency, rails, patience } = world
    const orders = OUTAGE_WAYS.map((way, i) => orderOf(way, phoneOf(i), BigInt(5_000 + outages.length + i)))
    const ready = await Promise.all(
      orders.map((order) => persistently(() => prepare(order, currency)).then(({ confirm }) => ({ order, confirm }))),
    )
    const over = Promise.all(RAIL_NAMES.map((name) => rails[name].outage(OUTAGE_S, mode))).then(() =>
      delay(OUTAGE_S * 1_000),
    )
    for (const { order, confirm } of ready) {
      const { id } = await persistently(confirm)
      outages.push({ mode, end: stories.watched(followToEnd(patience, order, id).then((view) => ({ order, view }))) })
    }
    await over
  }

  function storyOf<Row, Story>(of: ReadonlyMap<Row, Story>, row: Row): Story {
    const story = of.get(row)
    if (story === undefined) throw new Error('it was not begun')
    return story
  }

  it.each(FAULT_ROWS.map((row) => [rowName(row), row] as const))('%s', async (_name, row) => {
    const { end, order } = storyOf(payments, row)
    const { view } = await end
    const seen = await world.patience.until(`the end of ${view.id} to be pushed`, () => {
      const versions = order.payer.watch.versions(view.id)
      return versions.at(-1)?.version === view.version ? versions : undefined
    })
    expectSeen(seen, seen.map(stories.words), row, rowSees(row))
  })

  it.each(REFUND_ROWS.map((row) => [refundName(row), row] as const))('%s', async (_name, row) => {
    const { end, order, refund } = storyOf(refunds, row)
    const { view } = await end
    const { watch } = order.payer
    const seen = watch.refund(refund)
    expectSeen(seen, seen.map(stories.refundWords), row, refundSees(row))
    const amounts = new Set(watch.versions(view.id).map((version) => version.refunded_amount))
    expect([...amounts]).toEqual(row.ends === 'succeeded' ? ['0', String(order.refundsMinor?.[0])] : ['0'])
  })

  it('an outage of every rail loses nothing, whichever way they are out', async () => {
    const ends = await Promise.all(outages.map(async ({ mode, end }) => `${mode}: ${(await end).view.status}`))
    expect(ends).toHaveLength(OUTAGES.length * OUTAGE_WAYS.length)
    // Whether any of it had left when the connection broke is chance; what the rail has of it is not (below).
    expect(ends.filter((one) => !/: (succeeded|failed)$/.test(one))).toEqual([])
  })

  it('leaves phones, merchants, hub, ledger, audit and every rail of one mind about all of them', async () => {
    const incidents = new Map<string, string>()
    for (const row of FAULT_ROWS) if (row.incident !== undefined) incidents.set(storyOf(payments, row).id, row.incident)
    for (const row of REFUND_ROWS)
      if (row.incident !== undefined) incidents.set(storyOf(refunds, row).refund, row.incident)
    const ends = [...payments.values(), ...refunds.values(), ...outages].map(({ end }) => end)
    expect(ends).toHaveLength(FAULT_ROWS.length + REFUND_ROWS.length + OUTAGES.length * OUTAGE_WAYS.length)
    expect(await disagreements(world, [deposit, ...(await Promise.all(ends))], incidents)).toEqual([])
  })
})

type Stamped = { updated_at: string }

/** Exactly what the row says, but for what this machine's slowness makes of `awaiting_rail`. */
function expectSeen(seen: readonly Stamped[], said: readonly string[], row: Kind, expected: readonly string[]): void {
  const overtaken = isSoon(row) && !said.includes(WAITS)
  const whole = overtaken ? expected.filter((word) => word !== WAITS) : expected
  expect(withoutLateness(seen, said, whole)).toEqual(whole)
}

/** Without `awaiting_rail` where it is not the rail that made it be said. */
function withoutLateness(seen: readonly Stamped[], said: readonly string[], expected: readonly string[]): string[] {
  const [first, last] = [seen[0], seen.at(-1)]
  if (first === undefined || last === undefined) return []
  const tookMs = Date.parse(last.updated_at) - Date.parse(first.updated_at)
  if (tookMs <= FAST_WINDOW_MS - WINDOW_SLACK_MS) return [...said]
  let at = 0
  return said.filter((word) => {
    if (word !== expected[at] && word === WAITS) return false
    at += 1
    return true
  })
}
