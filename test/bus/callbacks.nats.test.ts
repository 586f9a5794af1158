import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  type Bus,
  type RailCallback,
  type RailCallbackReply,
  connectBus,
  railCallbackSubject,
  serveCallbacks,
} from '../../src/bus/index.ts'
import { makeLog } from '../../src/observe/log.ts'
import { type NatsAddress, type TestServer, natsUrlOf, startNats } from '../support/servers.ts'

const log = makeLog({ name: 'test', level: 'silent' })
const RAIL = 'iso20022'
const CALLBACK: RailCallback = { method: 'POST', targetUri: 'http://127.0.0.1/', headers: {}, body: '' }

let nats: TestServer<NatsAddress>
let hub: Bus
let bridge: Bus
const taken: RailCallback[] = []
const IN_FLIGHT_MAX = 8
/** What callbacks wait for that are to be in hand. */
const held = Promise.withResolvers<RailCallbackReply>()

beforeAll(async () => {
  nats = await startNats()
  hub = await connectBus({ url: natsUrlOf(nats, 'hub'), name: 'hub-0' })
  bridge = await connectBus({ url: natsUrlOf(nats, 'bridge'), name: 'bridge-0' })
  serveCallbacks(
    hub,
    {
      [RAIL]: (callback) => {
        taken.push(callback)
        if (callback.method === 'HOLD') return held.promise
        return callback.method === 'POST' ? Promise.resolve({ status: 204 }) : Promise.reject(new Error('not stored'))
      },
    },
    { log, maxInFlight: IN_FLIGHT_MAX },
  )
  await hub.flush()
})

afterAll(async () => {
  await Promise.all([hub.close(), bridge.close()])
  await nats.stop()
})

async function post(payload: string, rail = RAIL): Promise<unknown> {
  const message = await bridge.request(railCallbackSubject(rail), payload, { timeout: 2_000 })
  return message.json()
}

test('a message that is no callback is refused and does not deafen the hub', async () => {
  for (const payload of ['', 'not JSON', 'null', '[]', '{}', '{"body":1,"headers":{}}']) {
    expect(await post(payload)).toEqual({ status: 400 })
  }
  expect(await post(JSON.stringify(CALLBACK))).toEqual({ status: 204 })
  expect(taken).toEqual([CALLBACK])
})

test('a callback that could not be stored is answered 503, one of an unknown rail 404', async () => {
  expect(await post(JSON.stringify({ ...CALLBACK, method: 'PUT' }))).toEqual({ status: 503 })
  expect(await post(JSON.stringify(CALLBACK), 'nobody')).toEqual({ status: 404 })
})

test('more than the hub can have in hand are told to come again, and those in hand are answered', async () => {
  const before = taken.length
  const waiting = Array.from({ length: IN_FLIGHT_MAX }, () => post(JSON.stringify({ ...CALLBACK, method: 'HOLD' })))
  await expect.poll(() => taken.length - before).toBe(IN_FLIGHT_MAX)
  for (const payload of [JSON.stringify(CALLBACK), 'not JSON']) expect(await post(payload)).toEqual({ status: 503 })
  held.resolve({ status: 204 })
  expect(await Promise.all(waiting)).toEqual(waiting.map(() => ({ status: 204 })))
  expect(await post(JSON.stringify(CALLBACK))).toEqual({ status: 204 })
})
