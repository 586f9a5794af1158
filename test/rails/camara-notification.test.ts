import { createSecretKey } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { readNotification, sinkOf, type SinkOptions } from '../../src/rails/camara/notification.ts'
import type { HttpMessage, RailOrder } from '../../src/rails/port.ts'
import { makeChargeOrder } from './support/camara.ts'

/** Notifications: let in by a token for each reference, and then only a reason to look (connectors.md §2.4). */

const options: SinkOptions = {
  rail: 'demo-mobile',
  callbackUrl: 'https://mooring.example/v1/rails/camara/callbacks',
  key: createSecretKey(Buffer.from('a-key-of-this-test')),
}
const NOW = Date.parse('2026-11-28T12:00:00Z')
const order = makeChargeOrder({ reference: 'ref1', dispatchedAtMs: NOW, memo: { paymentId: 'P1' } })
const sink = sinkOf('ref1', NOW, options)

const EVENT = {
  id: 'e1',
  source: '/carrier-billing/v0.5',
  specversion: '1.0',
  type: 'org.camaraproject.carrier-billing.v0.payment-completed',
  time: '2026-11-28T12:00:01Z',
  datacontenttype: 'application/json',
  data: { paymentId: 'P1', status: 'succeeded', description: 'x', paymentDate: '2026-11-28T12:00:00Z' },
}

function message(more: Partial<HttpMessage> = {}, event: unknown = EVENT): HttpMessage {
  return {
    method: 'POST',
    targetUri: sink.url,
    headers: { 'content-type': 'application/cloudevents+json', authorization: `Bearer ${sink.token}` },
    body: Buffer.from(JSON.stringify(event)),
    ...more,
  }
}

const read = (one: HttpMessage, nowMs = NOW, orders: RailOrder[] = [order]) =>
  readNotification(one, (reference) => Promise.resolve(orders.find((known) => known.reference === reference) ?? null), {
    ...options,
    nowMs,
  })

it('only wakes a question, and the same event has the same id', async () => {
  const first = await read(message())
  expect(first).toMatchObject({ ok: true, statement: { reference: 'ref1', says: { kind: 'look' } } })
  expect(await read(message({}, { ...EVENT, time: '2026-11-28T13:00:00Z' }))).toEqual(first)
  expect(await read(message({}, { ...EVENT, id: 'e2' }))).not.toEqual(first)
  expect(await read(message({}, { ...EVENT, source: '/elsewhere' }))).not.toEqual(first)
})

it('says nothing by itself, not even where it says that it failed', async () => {
  const failed = { ...EVENT, data: { ...EVENT.data, status: 'failed' } }
  expect(await read(message({}, failed))).toMatchObject({ ok: true, statement: { says: { kind: 'look', hint: null } } })
})

it.each([
  ['carrier-billing.v0.payment-pending-validation', 'reserved'],
  ['carrier-billing.v0.payment-reserved', 'reserved'],
  ['carrier-billing.v0.payment-completed', 'moved'],
  ['carrier-billing.v0.payment-denied', 'declined'],
  ['carrier-billing.v0.payment-cancelled', 'released'],
  ['carrier-billing-refund.v0.refund-completed', 'moved'],
  ['carrier-billing-refund.v0.refund-denied', 'declined'],
  ['carrier-billing-refund.v0.refund-in-bill', null],
])('%s claims %s, so that what is recorded anyway need not be asked', async (type, hint) => {
  const event = { ...EVENT, type: `org.camaraproject.${type}` }
  expect(await read(message({}, event))).toMatchObject({ ok: true, statement: { says: { kind: 'look', hint } } })
})

it('the sink of an order is the same each time it is sent, and another one’s is not', () => {
  expect(sinkOf('ref1', NOW, options)).toEqual(sink)
  expect(sinkOf('ref2', NOW, options).token).not.toBe(sink.token)
  expect(sinkOf('ref1', NOW, { ...options, rail: 'another' }).token).not.toBe(sink.token)
})

describe('is refused', () => {
  const withAuthorization = (authorization: string) =>
    message({ headers: { 'content-type': 'application/cloudevents+json', authorization } })
  const [expiry = '', mac = ''] = sink.token.split('.')

  it.each<[string, 400 | 401 | 404, HttpMessage]>([
    ['without a token', 401, message({ headers: { 'content-type': 'application/cloudevents+json' } })],
    ['with a token of another reference', 401, withAuthorization(`Bearer ${sinkOf('ref2', NOW, options).token}`)],
    ['with a token made to live longer', 401, withAuthorization(`Bearer ${Number(expiry) + 1}.${mac}`)],
    ['with half a token', 401, withAuthorization(`Bearer ${expiry}.${mac.slice(0, 20)}`)],
    ['for another reference', 401, message({ targetUri: sink.url.replace('ref1', 'ref2') })],
    ['for no reference', 400, message({ targetUri: options.callbackUrl })],
    ['for two references', 400, message({ targetUri: `${sink.url}&ref=ref2` })],
    ['for a reference that is none', 400, message({ targetUri: sink.url.replace('ref1', 'ref%2F1') })],
    ['as a GET', 400, message({ method: 'GET' })],
    ['as plain JSON', 400, message({ headers: { ...message().headers, 'content-type': 'application/json' } })],
    ['with no JSON', 400, message({ body: Buffer.from('{') })],
    ['of another API', 400, message({}, { ...EVENT, type: 'org.camaraproject.quality-on-demand.v0.session' })],
    ['of another CloudEvents', 400, message({}, { ...EVENT, specversion: '0.3' })],
    ['without data', 400, message({}, { ...EVENT, data: undefined })],
    ['larger than 64 KiB', 400, message({ body: Buffer.alloc(64 * 1024 + 1, 0x20) })],
    ['about another payment', 404, message({}, { ...EVENT, data: { ...EVENT.data, paymentId: 'P2' } })],
  ])('%s: %d', async (_, status, one) => {
    expect(await read(one)).toMatchObject({ ok: false, status })
  })

  it('when its token has expired, and when nobody knows the order', async () => {
    expect(await read(message(), NOW + 31 * 86_400_000)).toMatchObject({ ok: false, status: 401 })
    expect(await read(message(), NOW, [])).toMatchObject({ ok: false, status: 404 })
  })
})
