import type { Msg, MsgCallback, Subscription } from '@nats-io/transport-node'
import type { Bus } from './connection.ts'

/** What the client makes for each subscription, so that it can be iterated over and waited for. */
export const ITERATOR_PROMISES = ['signal', 'iterClosed', 'closed'] as const

/** Nobody waits for it, and it never settles. */
const NOBODYS = Object.assign(new Promise<never>(() => {}), { resolve() {}, reject() {} })

/**
 * Subscribes by callback and nothing else, for subscriptions of which there are tens of thousands: the promises that
 * the client makes for each are half of its memory, and one by callback has no use for them. All share one.
 */
export function subscribeByCallback(bus: Bus, subject: string, callback: MsgCallback<Msg>): Subscription {
  const subscription = bus.subscribe(subject, { callback })
  for (const name of ITERATOR_PROMISES) Reflect.set(subscription, name, NOBODYS)
  return subscription
}
