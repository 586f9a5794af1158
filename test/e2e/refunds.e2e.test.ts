import { afterAll, beforeAll, expect, test } from 'vitest'
import type { PaymentView, RefundView } from '../../src/contract/index.ts'
import { audit } from '../../src/ledger/index.ts'
import { Patience } from '../../tools/demo/patience.ts'
import { startStack, type Stack } from '../support/stack.ts'
import { followToEnd, prepare, type Order, type Way } from './support/orders.ts'
import { openWorld, type World } from './support/world.ts'

/** Refunds through every process: REST, hub, Temporal, the simulated bank and the payer's phone, with hubs that die. */
let stack: Stack
let world: World
beforeAll(async () => {
  stack = await startStack({ args: ['--hubs', '2'], env: { MOORING_WORKFLOW_TASK_TIMEOUT_MS: '4000' } })
  world = await openWorld(stack.dev(), new Patience(240), { phones: 2, fundMinor: 100_000n })
})
afterAll(async () => {
  await world?.close()
  await stack?.stop()
})

async function paid(way: Way, amountMinor: bigint): Promise<PaymentView> {
  const { patience, phones, merchants, currency } = world
  const [payer, payee] = phones
  const order: Order = { way, amountMinor, payer, payee, merchant: merchants[0] }
  const { confirm } = await prepare(order, currency)
  const { id } = await confirm()
  return followToEnd(patience, order, id)
}

async function ended(id: string): Promise<RefundView> {
  return world.patience.until(`refund ${id} to end`, async () => {
    const refund = await world.merchants[0].readRefund(id)
    return refund.status === 'succeeded' || refund.status === 'failed' ? refund : undefined
  })
}

const asked = (payment: string, amount: string) => world.merchants[0].refund({ payment, amount })

test('to a bank: the bank executes each part once, whatever dies meanwhile, and everybody agrees', async () => {
  const payment = await paid('qr from bank', 5_000n)
  expect(payment.status).toBe('succeeded')
  const first = await ended((await asked(payment.id, '1200')).id)
  expect(first.status).toBe('succeeded')

  // The bank has booked and takes its time to answer; meanwhile every hub dies.
  await world.rails.bank.delay(701n, 3_000)
  const second = await asked(payment.id, '701')
  const third = await asked(payment.id, '300')
  await world.patience.until('the bank to have the refund', async () =>
    (await world.rails.bank.book()).some(({ amount }) => amount === '701') ? true : undefined,
  )
  const hubs = Object.keys(stack.dev().pids).filter((name) => name.startsWith('hub-'))
  await Promise.all(hubs.map((name) => stack.killAndWait(name)))
  for (const { id } of [second, third]) expect((await ended(id)).status).toBe('succeeded')

  const lines = (await world.rails.bank.book()).filter(({ operation }) => operation === 'refund')
  const references = [first, second, third].map(({ id }) => `${id.slice(4)}RF01`)
  expect(lines.map(({ reference }) => reference).toSorted()).toEqual(references.toSorted())
  expect(lines.map(({ amount }) => amount).toSorted()).toEqual(['1200', '300', '701'])

  const shown = await world.merchants[0].readPayment(payment.id)
  expect(shown).toMatchObject({ status: 'succeeded', refunded_amount: '2201' })
  const [payer] = world.phones
  await world.patience.until('the phone to hear of it', () =>
    Promise.resolve(payer.watch.versions(payment.id).at(-1)?.refunded_amount === '2201' ? true : undefined),
  )
  expect((await audit(world.sql)).breaches).toEqual([])
})

test('to a wallet: it is there before the reply, and the phone is told', async () => {
  const payment = await paid('qr from wallet', 2_000n)
  const [payer] = world.phones
  const before = await world.rails.bank.book()
  expect((await asked(payment.id, '500')).status).toBe('succeeded')
  await world.patience.until('the phone to hear of it', () =>
    Promise.resolve(payer.watch.versions(payment.id).at(-1)?.refunded_amount === '500' ? true : undefined),
  )
  expect(await world.rails.bank.book()).toEqual(before)
  expect((await audit(world.sql)).breaches).toEqual([])
})
