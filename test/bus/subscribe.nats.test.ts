import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Bus, connectBus, DEVICE_REPLACED, subscribeByCallback } from '../../src/bus/index.ts'
import { ITERATOR_PROMISES } from '../../src/bus/subscribe.ts'
import { type NatsAddress, type TestServer, natsUrlOf, startNats } from '../support/servers.ts'

/** What edges say to each other and hear. */
const SUBJECT = DEVICE_REPLACED

let nats: TestServer<NatsAddress>
let edge: Bus
let other: Bus
beforeAll(async () => {
  nats = await startNats()
  edge = await connectBus({ url: natsUrlOf(nats, 'edge'), name: 'edge-0' })
  other = await connectBus({ url: natsUrlOf(nats, 'edge'), name: 'edge-1' })
})
afterAll(async () => {
  await Promise.all([edge.close(), other.close()])
  await nats.stop()
})

async function say(text: string): Promise<void> {
  other.publish(SUBJECT, text)
  await other.flush()
  await edge.flush()
}

test('a subscription by callback hears, and no more once it has ended', async () => {
  const heard: string[] = []
  const subscription = subscribeByCallback(edge, SUBJECT, (_error, message) => void heard.push(message.string()))
  await edge.flush()
  await say('one')
  await say('two')
  await expect.poll(() => heard).toEqual(['one', 'two'])
  subscription.unsubscribe()
  await edge.flush()
  await say('three')
  expect(heard).toEqual(['one', 'two'])
})

test('it shares what the client would make for each', () => {
  const [one, two] = [1, 2].map(() => subscribeByCallback(edge, SUBJECT, () => {}))
  const own = edge.subscribe(SUBJECT, { callback: () => {} })
  for (const name of ITERATOR_PROMISES) {
    // The client of now has it; a later one may not, and then there is nothing to share.
    expect(Reflect.get(own, name)).toBeInstanceOf(Promise)
    expect(Reflect.get(one ?? {}, name)).toBe(Reflect.get(two ?? {}, name))
    expect(Reflect.get(one ?? {}, name)).not.toBe(Reflect.get(own, name))
  }
  for (const subscription of [one, two, own]) subscription?.unsubscribe()
})
