import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PaymentView } from '../../src/contract/index.ts'
import { FAST_WINDOW_MS } from '../../src/domain/attempt.ts'
import { attemptReference } from '../../src/domain/ids.ts'
import { Patience } from '../../tools/demo/patience.ts'
import { startStack, type Stack } from '../support/stack.ts'
import { FAULT_ROWS, rowName, type FaultRow } from './support/fault-rows.ts'
import { followToEnd, prepare, persistently, type Ended, type Order, type Way } from './support/orders.ts'
import type { Phone } from './support/phone.ts'
import { disagreements } from './support/proof.ts'
import { RAIL_NAMES } from './support/rails.ts'
import { inLanes, openWorld, type World } from './support/world.ts'

/**
 * Every fault kind at every step of every rail, through the whole stack. All of the
 * payments are on their way at once, so that what waits longest costs no more than
 * itself; each has an amount of its own, by which its rail knows what to do wrong.
 */

const PHONES = 8
const FUND_MINOR = 450_000n
const LANES = 12
const PATIENCE_S = 500
/** Most of it is a minute's wait for what was lost. */
const HOOK_TIMEOUT_MS = 480_000
/** Some clocks and timers lie between the window's end and the row that says so. */
const WINDOW_SLACK_MS = 200

const OUTAGES = ['refuse', 'hang', '500'] as const
const OUTAGE_S = 5
const OUTAGE_WAYS: readonly Way[] = ['top-up', 'withdrawal', 'qr from phone bill', 'withdrawal to mobile money']

type Story = { end: Promise<Ended>; payer: Phone }

describe('a payment at a rail that misbehaves', () => {
  let stack: Stack
  let world: World
  const stories = new Map<FaultRow, Story>()
  const outages: { mode: string; end: Promise<Ended> }[] = []
  const storyOf = (row: FaultRow): Story => {
    const story = stories.get(row)
    if (story === undefined) throw new Error(`${rowName(row)} was not begun`)
    return story
  }

  beforeAll(async () => {
    stack = await startStack()
    world = await openWorld(stack.dev(), new Patience(PATIENCE_S), { phones: PHONES, fundMinor: FUND_MINOR })
    for (const mode of OUTAGES) await beginDuring(mode)
    await inLanes(LANES, FAULT_ROWS.entries(), ([no, row]) => begin(row, no))
    await Promise.allSettled([...stories.values(), ...outages].map(({ end }) => end))
  }, HOOK_TIMEOUT_MS)

  afterAll(async () => {
    await world?.close()
    await stack?.stop()
  })

  /** Returns once the rails are back. */
  async function beginDuring(mode: (typeof OUTAGES)[number]): Promise<void> {
    const { phones, merchants, currency, rails } = world
    const orders = OUTAGE_WAYS.map((way, i): Order => {
      const payer = phones[i] ?? phones[0]
      return { way, amountMinor: BigInt(5_000 + outages.length + i), payer, payee: payer, merchant: merchants[0] }
    })
    const ready = await Promise.all(
      orders.map((order) => persistently(() => prepare(order, currency)).then(({ confirm }) => ({ order, confirm }))),
    )
    const over = Promise.all(RAIL_NAMES.map((name) => rails[name].outage(OUTAGE_S, mode))).then(() =>
      delay(OUTAGE_S * 1_000),
    )
    for (const { order, confirm } of ready) {
      const { id } = await persistently(confirm)
      outages.push({ mode, end: ending(order, id) })
    }
    await over
  }

  /** Its test looks at it; until then a failure is not an unhandled one. */
  function ending(order: Order, id: string): Promise<Ended> {
    const end = followToEnd(world.patience, order, id).then((view) => ({ order, view }))
    end.catch(() => {})
    return end
  }

  /** Returns once its rail has answered, or its payer knows that it has not: so many first calls are made at a time. */
  async function begin(row: FaultRow, no: number): Promise<void> {
    const { patience, phones, merchants, currency, rails } = world
    const payer = phones[no % phones.length] ?? phones[0]
    const amountMinor = BigInt(1_000 + no)
    const order: Order = { way: row.way, amountMinor, payer, payee: payer, merchant: merchants[0] }
    for (const fault of row.faults) await rails[row.rail].rule({ amount: amountMinor.toString(), ...row.on }, fault)
    const { confirm } = await persistently(() => prepare(order, currency))
    const { id } = await persistently(confirm)
    stories.set(row, { end: ending(order, id), payer })
    await patience.until(`${id} to be told of`, () => (payer.watch.versions(id).length > 1 ? true : undefined))
    if (row.decide !== undefined) await rails[row.rail].decide(attemptReference(id, row.on.operation, 1), row.decide)
  }

  it.each(FAULT_ROWS.map((row) => [rowName(row), row] as const))('%s', async (_name, row) => {
    const { end, payer } = storyOf(row)
    const { view } = await end
    const seen = await world.patience.until(`the end of ${view.id} to be pushed`, () => {
      const versions = payer.watch.versions(view.id)
      return versions.at(-1)?.version === view.version ? versions : undefined
    })
    const waits = row.waits || tookLong(seen)
    expect(seen.map(words)).toEqual(['processing', ...(waits ? ['processing awaiting_rail'] : []), row.ends])
  })

  it('an outage of every rail loses nothing, whichever way they are out', async () => {
    const ends = await Promise.all(outages.map(async ({ mode, end }) => `${mode}: ${(await end).view.status}`))
    expect(ends).toHaveLength(OUTAGES.length * OUTAGE_WAYS.length)
    // Whether any of it had left when the connection broke is chance; what the rail has of it is not (below).
    expect(ends.filter((one) => !/: (succeeded|failed)$/.test(one))).toEqual([])
  })

  it('leaves phones, merchants, hub, ledger, audit and every rail of one mind about all of them', async () => {
    const ended = await Promise.all(FAULT_ROWS.map((row) => storyOf(row).end))
    const incidents = new Map(
      FAULT_ROWS.flatMap(({ incident }, i) => (incident === undefined ? [] : [[ended[i]?.view.id ?? '', incident]])),
    )
    const others = await Promise.all(outages.map(({ end }) => end))
    expect(await disagreements(world, [...ended, ...others], incidents)).toEqual([])
  })
})

/** What came so late that the payer is told to wait, whatever the rail was told to do. */
function tookLong(seen: readonly PaymentView[]): boolean {
  const [first, last] = [seen[0], seen.at(-1)]
  if (first === undefined || last === undefined) return false
  return (
    Date.parse(last.updated_at) - Date.parse(first.updated_at) > FAST_WINDOW_MS - WINDOW_SLACK_MS && seen.length > 2
  )
}

function words({ status, status_reason, failure }: PaymentView): string {
  return [status, status_reason, failure?.code].filter((word) => word != null).join(' ')
}
