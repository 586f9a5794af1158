import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import type { PaymentView } from '../../src/contract/index.ts'
import { startOpenNats, type OpenNats } from '../support/open-nats.ts'
import { Phone, ScriptedHub, startEdge, type TestEdge } from './harness.ts'
import { slowLink, type SlowLink } from './support/slow-link.ts'

/** A till behind a bad line: the snapshot of a busy store is all that it can carry, and the store goes on meanwhile. */
const STORE = 'sto_aaaaaaaaaaaa'
const BYTES_PER_SECOND = 20_000
/** What happened since the till was last here, and what happens while it opens. */
const [MISSED, MEANWHILE] = [1_200, 300]

let nats: OpenNats
let hub: ScriptedHub
let edge: TestEdge
let link: SlowLink

beforeAll(async () => {
  nats = await startOpenNats()
  hub = await ScriptedHub.start(nats.url)
})
afterAll(async () => {
  await hub.close()
  await nats.stop()
})
beforeEach(async () => {
  hub.reset()
  edge = await startEdge(nats.url)
  link = await slowLink({ port: edge.transport.port, bytesPerSecond: BYTES_PER_SECOND })
})
afterEach(async () => {
  await link.close()
  await edge.stop()
})

function payment(n: number, status: PaymentView['status']): PaymentView {
  return {
    id: `pay_${String(n).padStart(22, '0')}`,
    kind: 'purchase',
    status,
    status_reason: null,
    version: 1,
    amount: '12345',
    currency: 'KES',
    fee: '185',
    refunded_amount: '0',
    captured_amount: '0',
    payer: null,
    payee: 'mer_aaaaaaaaaaaaaaaaaaaaaa',
    payee_name: 'Kahawa House',
    store: STORE,
    source: null,
    capture_method: 'automatic',
    order_ref: `A-${String(n)}`,
    description: 'Two coffees and a slice of cake',
    failure: null,
    next_action: null,
    recovery: null,
    dispute: null,
    metadata: { table: '7', waiter: 'Wanjiku' },
    created_at: '2026-11-29T08:00:00.000Z',
    updated_at: '2026-11-29T08:00:00.000Z',
    expires_at: '2026-11-29T08:15:00.000Z',
  }
}

it(`a busy store over ${String(BYTES_PER_SECOND / 1_000)} kB/s reaches live, and every event after its snapshot once, in order`, async () => {
  const open = Array.from({ length: 200 }, (_, i) => payment(5_000 - i, 'requires_confirmation'))
  const ended = Array.from({ length: 50 }, (_, i) => payment(i, 'succeeded'))
  for (let n = 0; n < MISSED; n++) hub.write(STORE, payment(n, 'succeeded'))
  hub.on('session.open', () => {
    const expiresAt = new Date(Date.now() + 900_000).toISOString()
    return { ok: true, body: { merchant: 'mer_aaaaaaaaaaaa', store: STORE, expiresAt, env: 'test' } }
  })
  hub.on('feed.open', () => ({
    ok: true,
    body: {
      mode: 'snapshot',
      epoch: hub.epoch,
      seq: MISSED,
      pos: String(MISSED * 10),
      snapshot: { payments: [...open, ...ended], more: true },
    },
  }))
  const till = await Phone.connect(`ws://127.0.0.1:${String(link.port)}/v1/socket`)
  till.ws.on('message', () => {
    const ping = till.of('ping').at(-1)
    if (ping !== undefined) till.send({ t: 'pong', n: ping['n'] })
  })
  till.send({ t: 'hello', token: 'mer_aaaaaaaaaaaa/', feeds: { [STORE]: { epoch: hub.epoch, seq: 1 } } })
  await till.heard('ready')
  for (let n = 0; n < MEANWHILE; n++) hub.say(STORE, payment(n, 'succeeded'))
  await till.heard('event', MEANWHILE, 90_000)
  expect(till.closeCode).toBeNull()
  const parts = till.of('snapshot')
  expect(parts.at(-1)).toMatchObject({ last: true, seq: MISSED })
  expect(parts[0]?.['body']).toMatchObject({ more: true })
  expect(till.seqs()).toEqual(Array.from({ length: MEANWHILE }, (_, i) => MISSED + 1 + i))
  // And live from here on: what happens now comes by itself.
  hub.say(STORE)
  expect(await till.heard('event', MEANWHILE + 1, 30_000)).toMatchObject({ seq: MISSED + MEANWHILE + 1 })
  const bytes = till.frames.reduce((sum, frame) => sum + JSON.stringify(frame).length, 0)
  expect(bytes).toBeGreaterThan(300_000)
}, 180_000)
