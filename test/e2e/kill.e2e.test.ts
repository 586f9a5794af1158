import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isTerminal } from '../../clients/mobile/index.ts'
import { Patience } from '../../tools/demo/patience.ts'
import { startStack, type Stack } from '../support/stack.ts'
import { cases, type Case } from './support/kill-cases.ts'
import { isBack, killedAt, killedSoFar } from './support/killed.ts'
import { followToEnd, prepare, type Ended, type Order, type Way } from './support/orders.ts'
import { disagreements } from './support/proof.ts'
import { openWorld, type World } from './support/world.ts'

/**
 * kill -9 in the middle of a payment, at every named step, on one stack: recoveries
 * overlap, and are themselves disturbed by the kills that follow. There are hubs
 * enough that one carries on while the supervisor brings others back.
 */

const HUBS = 4
const FUND_MINOR = 400_000n
/** A workflow task given to a hub that dies comes back after this instead of 20 s. */
const TASK_TIMEOUT_MS = 4_000
const PATIENCE_S = 240

/** Who is killed while the bank, which has booked, takes its time to answer. */
const WHILE_PROCESSING = [
  { who: 'the bank', names: /^sim-bank$/ },
  { who: 'the edge', names: /^edge-\d$/ },
  { who: 'the relay', names: /^relay-\d$/ },
  { who: 'every hub at once', names: /^hub-\d$/ },
]
const BANK_TAKES_MS = 3_000

type Story = { died: string; replay: () => Promise<{ id: string }>; end: Promise<Ended> }

describe('a payment during which a process is killed', () => {
  let stack: Stack
  let world: World
  const stories = new Map<string, Story>()
  const storyOf = (name: string): Story => {
    const story = stories.get(name)
    if (story === undefined) throw new Error(`${name} was not begun`)
    return story
  }

  beforeAll(async () => {
    stack = await startStack({
      args: ['--hubs', String(HUBS)],
      // Each step of a workflow is to be met, also where kills keep starts from succeeding.
      env: { MOORING_WORKFLOW_TASK_TIMEOUT_MS: String(TASK_TIMEOUT_MS), MOORING_EXPRESS: 'off' },
    })
    world = await openWorld(stack.dev(), new Patience(PATIENCE_S), { phones: 2, fundMinor: FUND_MINOR })
    for (const [i, { who, names }] of WHILE_PROCESSING.entries()) {
      stories.set(who, await killWhileProcessing(names, BigInt(2_000 + i)))
    }
    for (const [i, one] of cases.entries()) {
      const story = await killAtStep(one, BigInt(1_000 + i))
      stories.set(one.name, story)
      if (one.before === 'back') await isBack(stack, world.patience, story.died)
      // How it ended is for its own test to say.
      if (one.before === 'ended') await Promise.allSettled([story.end])
    }
  })

  afterAll(async () => {
    await world?.close()
    await stack?.stop()
  })

  /** Asks for a payment whose amount no other has. */
  async function ask(way: Way, amountMinor: bigint) {
    const { patience, phones, merchants, currency } = world
    const [payer, payee] = phones
    const order: Order = { way, amountMinor, payer, payee, merchant: merchants[0] }
    const { confirm } = await patience.within(`a payment of ${amountMinor} to be prepared`, prepare(order, currency))
    const begin = () => {
      const confirmed = confirm()
      const end = confirmed.then(async ({ id }) => ({ order, view: await followToEnd(patience, order, id) }))
      // Its test looks at it; until then a failure is not an unhandled one.
      end.catch(() => {})
      return { confirmed, end, replay: confirm }
    }
    return begin
  }

  /** Returns once the process has died at the step. */
  async function killAtStep(one: Case, amountMinor: bigint): Promise<Story> {
    const begin = await ask(one.way, amountMinor)
    rmSync(join(stack.failpointsDir, `${one.step}.fired`), { force: true })
    stack.arm(one.step, amountMinor.toString())
    const earlier = killedSoFar(stack).length
    const { end, replay } = begin()
    return { died: await killedAt(stack, world.patience, one, earlier), replay, end }
  }

  /** Returns once the killed are back. */
  async function killWhileProcessing(names: RegExp, amountMinor: bigint): Promise<Story> {
    await world.rails.bank.delay(amountMinor, BANK_TAKES_MS)
    const begin = await ask('qr from bank', amountMinor)
    const { confirmed, end, replay } = begin()
    const { id } = await confirmed
    await world.patience.until(`${id} to be with the bank`, async () => {
      const lines = await world.rails.bank.book()
      return lines.some((line) => line.amount === amountMinor.toString()) ? true : undefined
    })
    const victims = Object.keys(stack.dev().pids).filter((name) => names.test(name))
    await Promise.all(victims.map((name) => stack.killAndWait(name)))
    return { died: victims.join(), replay, end }
  }

  it.each(WHILE_PROCESSING)('is right when $who dies while it is processing: succeeded', async ({ who }) => {
    const { view } = await storyOf(who).end
    expect(view.status).toBe('succeeded')
  })

  it.each(cases)('$name: $expected', async (one) => {
    const { died, end, replay } = storyOf(one.name)
    expect(died).toMatch(one.dies)
    const { view } = await end
    const shown = view.status === 'failed' ? `failed, ${view.failure?.code ?? 'no code'}` : view.status
    expect(one.ends).toContain(shown)
    const again = await replay()
    expect(again.id).toBe(view.id)
    const [payer] = world.phones
    const ends = payer.watch.versions(view.id).filter(({ status }) => isTerminal(status))
    expect(ends.map(({ status }) => status)).toEqual([view.status])
    expect(await isBack(stack, world.patience, died)).toBeGreaterThan(1)
  })

  it('leaves phones, merchants, hub, ledger, audit and bank of one mind about all of them', async () => {
    const ended = await Promise.all([...stories.values()].map(({ end }) => end))
    expect(ended).toHaveLength(WHILE_PROCESSING.length + cases.length)
    expect(await disagreements(world, ended)).toEqual([])
  })
})
