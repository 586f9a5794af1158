import { afterAll, beforeAll, expect, it } from 'vitest'
import { Patience } from '../../tools/demo/patience.ts'
import { startStack, type Stack } from '../support/stack.ts'
import { isBack, killedAt, killedSoFar } from './support/killed.ts'
import { followToEnd, prepare, type Ended, type Order, type Way } from './support/orders.ts'
import { disagreements } from './support/proof.ts'
import { openWorld, type World } from './support/world.ts'

/** Temporal stands still, as a frozen machine does: wallet payments go on, also through the death of a hub. */

const PATIENCE_S = 240
const FUND_MINOR = 400_000n
/** Each posts while nothing starts. */
const EXPRESS_WANTED = 5

let stack: Stack
let world: World

beforeAll(async () => {
  stack = await startStack({ args: ['--hubs', '2'] })
  world = await openWorld(stack.dev(), new Patience(PATIENCE_S), { phones: 2, fundMinor: FUND_MINOR })
})
afterAll(async () => {
  await world?.close()
  await stack?.stop()
})

let nextAmount = 1_000n
async function ready(way: Way) {
  const [payer, payee] = world.phones
  const order: Order = { way, amountMinor: (nextAmount += 1n), payer, payee, merchant: world.merchants[0] }
  return { order, ...(await prepare(order, world.currency)) }
}

it('wallet payments go on while Temporal stands still, and all end as they said', async () => {
  const { patience } = world
  const ended: Ended[] = []
  const waiting: { order: Order; id: string }[] = []
  stack.kill('temporal', 'SIGSTOP')
  try {
    let express = 0
    await patience.until('hubs to notice that nothing starts', async () => {
      for (const way of ['person to person', 'qr from wallet'] as const) {
        const { order, confirm } = await ready(way)
        const view = await confirm()
        if (view.status === 'succeeded') {
          express += 1
          ended.push({ order, view })
          expect(view.version).toBe(way === 'person to person' ? 1 : 2)
        } else waiting.push({ order, id: view.id })
      }
      return express >= EXPRESS_WANTED ? true : undefined
    })

    // Its hub dies between commit and reply; the phone asks again under its key, and another hub answers.
    const { order, confirm } = await ready('person to person')
    const earlier = killedSoFar(stack).length
    stack.arm('accept-after-commit', order.amountMinor.toString())
    const view = await confirm()
    const died = await killedAt(stack, patience, { name: 'express', step: 'accept-after-commit' }, earlier)
    expect(died).toMatch(/^hub-\d$/)
    expect((await confirm()).id).toBe(view.id)
    if (view.status === 'succeeded') ended.push({ order, view })
    else waiting.push({ order, id: view.id })

    stack.kill('temporal', 'SIGCONT')
    await isBack(stack, patience, died)
  } finally {
    stack.kill('temporal', 'SIGCONT')
  }
  // Accepted before the circuit opened: begun now, or expired with the money back.
  for (const { order, id } of waiting) ended.push({ order, view: await followToEnd(patience, order, id) })
  expect(ended.filter(({ view }) => view.status !== 'succeeded' && view.status !== 'expired')).toEqual([])
  expect(await disagreements(world, ended)).toEqual([])

  await patience.until('workflows to be used again', async () => {
    const { order, confirm } = await ready('person to person')
    const { id, status } = await confirm()
    ended.push({ order, view: await followToEnd(patience, order, id) })
    return status === 'processing' ? true : undefined
  })
  expect(await disagreements(world, ended)).toEqual([])
})
