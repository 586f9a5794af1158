import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Bus, type RailCallback, connectBus, railCallbackSubject, serveCallbacks } from '../../src/bus/index.ts'
import { makeLog } from '../../src/observe/log.ts'
import { type NatsAddress, type TestServer, natsUrlOf, startNats } from '../support/servers.ts'

const log = makeLog({ name: 'test', level: 'silent' })
const RAIL = 'iso20022'
const CALLBACK: RailCallback = { method: 'POST', targetUri: 'http://127.0.0.1/', headers: {}, body: '' }

let nats: TestServer<NatsAddress>
let hub: Bus
let bridge: Bus
const taken: RailCallback[] = []

beforeAll(async () => {
  nats = await startNats()
  hub = await connectBus({ url: natsUrlOf(nats, 'hub'), name: 'hub-0' })
  bridge = await connectBus({ url: natsUrlOf(nats, 'bridge'), name: 'bridge-0' })
  serveCallbacks(
    hub,
    {
      [RAIL]: (callback) => {
        taken.push(callback)
        return callback.method === 'POST' ? Promise.resolve({ status: 204 }) : Promise.reject(new Error('not stored'))
      },
    },
    { log },
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
