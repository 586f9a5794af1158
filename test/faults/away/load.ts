import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { isTerminal, MooringError } from '../../../clients/mobile/index.ts'
import type { PaymentView } from '../../../src/contract/index.ts'
import type { Ended, Order, Way } from '../../e2e/support/orders.ts'
import type { World } from '../../e2e/support/world.ts'

/** Payments offered at a steady rate, whatever becomes of those before. */

/** By turns: three of five at wallets. */
const WAYS = [
  'person to person',
  'top-up',
  'person to person',
  'top-up by mobile money',
  'person to person',
] as const satisfies readonly Way[]
type Offered = (typeof WAYS)[number]

/** Below a retry of the SDK's after `overloaded`: what is answered is the hub's first word. */
const DEADLINE_MS = 900
const LEAST_MINOR = 10

export type Confirmed = {
  order: Order
  /** From the first offered one, ms. */
  atMs: number
  /** The reply; null where none came in time. */
  view: PaymentView | null
  /** The same again, under the same key. */
  again: () => Promise<PaymentView>
}
export type Load = { confirmed: Confirmed[]; refused: Map<string, number> }

/** Offers until `seconds` are over. Refusals are counted by their code; silence is kept, since it may have been taken. */
export async function offer(world: World, perSecond: number, seconds: number): Promise<Load> {
  const load: Load = { confirmed: [], refused: new Map() }
  const running: Promise<void>[] = []
  const startedAt = performance.now()
  for (let i = 0; i < perSecond * seconds; i++) {
    const dueMs = startedAt + (i * 1_000) / perSecond - performance.now()
    if (dueMs > 0) await delay(dueMs)
    running.push(one(world, load, i, performance.now() - startedAt))
  }
  await Promise.all(running)
  return load
}

async function one(world: World, load: Load, no: number, atMs: number): Promise<void> {
  const { phones } = world
  const way = WAYS[no % WAYS.length] ?? 'person to person'
  const payer = phones[no % phones.length] ?? phones[0]
  const payee = phones[(no + 1) % phones.length] ?? phones[1]
  const order = { way, amountMinor: BigInt(LEAST_MINOR + (no % 90)), payer, payee, merchant: world.merchants[0] }
  const key = randomBytes(16).toString('hex')
  const ask = (deadline_ms?: number) => confirm(order, world.currency, key, deadline_ms)
  try {
    load.confirmed.push({ order, atMs, view: await ask(DEADLINE_MS), again: ask })
  } catch (error) {
    if (!(error instanceof MooringError)) throw error
    if (error.outcome === 'refused' || error.outcome === 'not_sent') {
      load.refused.set(error.code, (load.refused.get(error.code) ?? 0) + 1)
    } else load.confirmed.push({ order, atMs, view: null, again: ask })
  }
}

/** Signed as it is sent; that none of these costs a fee is known before, so no price is asked for. */
function confirm(order: Order & { way: Offered }, currency: string, key: string, deadline_ms?: number) {
  const { payer, payee, amountMinor } = order
  const amount = amountMinor.toString()
  const quote = { payer_fee: '0', total: amount }
  const terms = { amount, currency, quote, key, ...(deadline_ms === undefined ? {} : { deadline_ms }) }
  switch (order.way) {
    case 'person to person':
      return payer.client.transfer({ ...terms, to: payee.user })
    case 'top-up':
      return payer.client.topup({ ...terms, source: payer.sources.bank })
    case 'top-up by mobile money':
      return payer.client.topup({ ...terms, source: payer.sources.money })
  }
}

/** Each to its end, as its payer's phone was told of it. */
export async function allEnded({ patience }: World, confirmed: readonly (Confirmed & { view: PaymentView })[]) {
  const ended: Ended[] = []
  for (const { order, view } of confirmed) {
    const last = await patience.until(`${view.id} (${order.way}) to end`, () => {
      const told = order.payer.watch.versions(view.id).at(-1) ?? view
      return isTerminal(told.status) ? told : undefined
    })
    ended.push({ order, view: last })
  }
  return ended
}
