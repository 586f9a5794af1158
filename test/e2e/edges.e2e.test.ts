import { afterAll, beforeAll, expect, it } from 'vitest'
import { Patience } from '../../tools/demo/patience.ts'
import { startStack, type Stack } from '../support/stack.ts'
import { isBack } from './support/killed.ts'
import type { Ended } from './support/orders.ts'
import { disagreements } from './support/proof.ts'
import { RawPhone } from './support/raw-phone.ts'
import { openWorld, type World } from './support/world.ts'

/** Two edges under load: one is drained, then the other killed, and nobody notices. */

const PATIENCE_S = 240
const PHONES = 12
const FUND_MINOR = 100_000n
/** Transfers between what is done to the edges. */
const PACE = 150

let stack: Stack
let world: World
const ended: Ended[] = []
const failures: unknown[] = []

beforeAll(async () => {
  stack = await startStack({ args: ['--edges', '2'], env: { MOORING_EXPRESS: 'always' } })
  world = await openWorld(stack.dev(), new Patience(PATIENCE_S), { phones: PHONES, fundMinor: FUND_MINOR })
})
afterAll(async () => {
  await world?.close()
  await stack?.stop()
})

/** Everybody sends one unit to the next, again and again. */
function load(): { stop: () => Promise<void> } {
  const { phones, merchants, currency } = world
  const amountMinor = 1n
  let going = true
  const lanes = phones.map(async (payer, i) => {
    const payee = phones[(i + 1) % phones.length] ?? payer
    while (going) {
      try {
        const view = await payer.client.transfer({ to: payee.user, amount: String(amountMinor), currency })
        ended.push({ order: { way: 'person to person', amountMinor, payer, payee, merchant: merchants[0] }, view })
      } catch (error) {
        failures.push(error)
      }
    }
  })
  return {
    stop: async () => {
      going = false
      await Promise.all(lanes)
    },
  }
}

const more = (): Promise<true> => {
  const from = ended.length
  return world.patience.until('payments to go on', () => (ended.length >= from + PACE ? true : undefined))
}
/** How many sockets each drained edge had when it was told to go. */
const drained = (name: string): number[] =>
  [...stack.log(name).matchAll(/"sessions":(\d+),"msg":"edge draining"/g)].map(([, sessions]) => Number(sessions))

it('a drained edge sends its phones elsewhere and a killed one loses them: no command fails, no event is lost', async () => {
  const { patience } = world
  const { stop } = load()
  await more()
  const first = stack.kill('edge-0', 'SIGTERM')
  await stack.waitForPid('edge-0', first)
  await more()
  expect(drained('edge-0').at(0)).toBeGreaterThan(0)

  stack.kill('edge-1', 'SIGKILL')
  await more()
  await isBack(stack, patience, 'edge-1')
  const second = stack.kill('edge-0', 'SIGTERM')
  await stack.waitForPid('edge-0', second)
  await more()
  // All phones were there, since the other had been killed.
  expect(drained('edge-0').at(1)).toBe(PHONES)
  await stop()

  expect(failures).toEqual([])
  expect(ended.every(({ view }) => view.status === 'succeeded')).toBe(true)
  expect(await disagreements(world, ended)).toEqual([])
})

it('a user with a device at each hears the same at both, and a device is at one of them only', async () => {
  const [one, other] = stack.dev().edge
  const dev = (edge: string | undefined) => ({ ...stack.dev(), edge: edge === undefined ? [] : [edge] })
  const device = await RawPhone.make(dev(one))
  const second = await RawPhone.make(dev(other), device.number)
  const [payer] = world.phones
  for (let i = 0; i < 5; i++) {
    await payer.client.transfer({ to: device.user, amount: '7', currency: world.currency })
  }
  const events = (phone: RawPhone) =>
    phone.socket.frames.filter(({ t }) => t === 'event').map(({ seq, id }) => `${String(seq)} ${String(id)}`)
  // The first also hears of the second's coming, so the two have heard all once both end in the same event.
  const { mine, its } = await world.patience.until('both devices to hear of five payments', () => {
    const heard = { mine: events(device), its: events(second) }
    return heard.its.length >= 10 && heard.mine.at(-1) === heard.its.at(-1) ? heard : undefined
  })
  expect(its).toEqual(mine.slice(-its.length))
  expect(second.user).toBe(device.user)

  const before = device.socket
  await device.connect(undefined, other)
  expect(await before.closed).toBe(4006)
  await Promise.all([device.socket.close(), second.socket.close()])
})

it('a device that is revoked at one edge is closed at the other, at once, and finds neither open', async () => {
  const [one, other] = stack.dev().edge
  const dev = (edge: string | undefined) => ({ ...stack.dev(), edge: edge === undefined ? [] : [edge] })
  const phone = await RawPhone.make(dev(one))
  const lost = await RawPhone.make(dev(other), phone.number)
  const closed = lost.socket.closed
  const body = { device: lost.device }
  const action = await phone.action(body, { name: 'device.revoke' })
  await phone.must('device.revoke', { ...body, action }, 'revoke-the-lost-phone')
  const since = performance.now()
  expect(await closed).toBe(4504)
  expect(performance.now() - since).toBeLessThan(2_000)
  for (const edge of [one, other]) await expect(lost.connect(undefined, edge)).rejects.toThrow('4504')
  await phone.socket.close()
})
