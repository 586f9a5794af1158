import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { okReply } from '../../src/bus/index.ts'
import { merchantHeaders, openStage, refusing, SECRET_KEY, type Stage } from './stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage()
})
afterAll(() => stage.close())
beforeEach(() => {
  stage.hub.asked = []
  stage.hub.answer = () => okReply(REFUND)
})

const PAYMENT = 'pay_0000000000000000000001'
const REFUND = {
  id: 'rfd_0000000000000000000001',
  payment: PAYMENT,
  status: 'processing',
  status_reason: null,
  version: 1,
  amount: '400',
  currency: 'KES',
  fee: '0',
  reason: 'too cold',
  failure: null,
  created_at: '2026-11-23T12:00:00.000Z',
  updated_at: '2026-11-23T12:00:00.000Z',
}

const asked = () => stage.hub.asked.map(({ subject, request }) => ({ subject, body: request.body, key: request.key }))

test('POST /refunds asks the hub with key and body and answers 201', async () => {
  const body = { payment: PAYMENT, amount: '400', reason: 'too cold' }
  const answer = await stage.call('POST', '/v1/refunds', { json: body, headers: merchantHeaders() })
  expect([answer.status, answer.body]).toEqual([201, REFUND])
  expect(asked()).toEqual([{ subject: 'cmd.refund.create', body, key: 'k'.repeat(24) }])
  stage.hub.answer = () => ({ ok: true, body: REFUND, replayed: true })
  const again = await stage.call('POST', '/v1/refunds', { json: body, headers: merchantHeaders() })
  expect([again.status, again.text]).toEqual([201, answer.text])
  expect(again.headers.get('idempotency-replayed')).toBe('true')
})

test('no secret key, no idempotency key: refused before the hub is asked', async () => {
  const json = { payment: PAYMENT }
  expect((await stage.call('POST', '/v1/refunds', { json })).status).toBe(401)
  const headers = { authorization: `Bearer ${SECRET_KEY}` }
  expect(await stage.call('POST', '/v1/refunds', { json, headers })).toMatchObject({
    status: 400,
    body: { code: 'idempotency_key_missing' },
  })
  expect(asked()).toEqual([])
})

test.each([
  ['not_found', 422, 'payment'],
  ['amount_exceeds_refundable', 422, 'amount'],
  ['in_flight', 409, undefined],
  ['temporarily_unavailable', 503, undefined],
] as const)('%s of a refund is %i', async (code, status, param) => {
  stage.hub.answer = refusing(code, param === undefined ? {} : { param })
  const answer = await stage.call('POST', '/v1/refunds', { json: { payment: PAYMENT }, headers: merchantHeaders() })
  expect(answer).toMatchObject({ status, body: { code, ...(param === undefined ? {} : { param }) } })
})

test('GET /refunds/{id} and /refunds?payment=', async () => {
  const headers = { authorization: `Bearer ${SECRET_KEY}` }
  expect((await stage.call('GET', `/v1/refunds/${REFUND.id}`, { headers })).body).toEqual(REFUND)
  stage.hub.answer = () => okReply({ data: [REFUND], has_more: false })
  expect((await stage.call('GET', `/v1/refunds?payment=${PAYMENT}&limit=5`, { headers })).body).toEqual({
    data: [REFUND],
    has_more: false,
  })
  expect(asked()).toEqual([
    { subject: 'cmd.refund.get', body: { refund: REFUND.id }, key: undefined },
    { subject: 'cmd.refund.list', body: { payment: PAYMENT, limit: '5' }, key: undefined },
  ])
  expect((await stage.call('GET', '/v1/refunds/nonsense', { headers })).status).toBe(404)
  stage.hub.answer = refusing('not_found')
  expect((await stage.call('GET', `/v1/refunds/${REFUND.id}`, { headers })).status).toBe(404)
})
