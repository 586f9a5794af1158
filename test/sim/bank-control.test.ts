import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { collect, field, MAGIC, order, SETTLES } from '../support/bank-messages.ts'
import { BankStage } from '../support/bank-stage.ts'
import { until } from '../support/sim-process.ts'

// oxlint-disable unicorn/no-thenable -- `then` is the control API's word for what follows a pending answer

let stage: BankStage
beforeAll(async () => {
  stage = await BankStage.open()
})
afterAll(() => stage.close())

const bare = (path: string, headers: Record<string, string> = {}) =>
  fetch(`http://127.0.0.1:${stage.bank.controlPort}${path}`, { headers })

test('readyz is open; everything else needs the token', async () => {
  expect((await bare('/readyz')).status).toBe(200)
  expect((await bare('/control/book')).status).toBe(401)
  expect((await bare('/control/book', { authorization: 'Bearer wrong' })).status).toBe(401)
  expect((await stage.control('GET', 'book')).status).toBe(200)
})

test('unknown calls, methods and shapes are refused', async () => {
  expect((await stage.control('GET', 'nothing')).status).toBe(404)
  expect((await stage.control('DELETE', 'book')).status).toBe(405)
  expect((await stage.control('GET', 'book?since=yesterday')).status).toBe(400)
  expect((await stage.control('POST', 'outage', { seconds: 'long' })).status).toBe(400)
  expect((await stage.control('POST', 'random', { faults: { drop_after: 2 } })).status).toBe(400)
  expect((await stage.control('POST', 'random', { faults: { nonsense: 0.1 } })).status).toBe(400)
})

test.each(['expire', 'nonsense'])('the fault kind %s is unknown here', async (kind) => {
  const answer = await stage.control('POST', 'rules', { match: {}, fault: { kind } })
  expect(answer.status).toBe(400)
})

test.each([
  ['a parameter of another kind', { match: {}, fault: { kind: 'decline', ms: 3 } }],
  ['a match it does not know', { match: { phone: '+1' }, fault: { kind: 'drop_after' } }],
  ['a decline of inquiries', { match: { operation: 'inquire' }, fault: { kind: 'decline' } }],
  ['a callback of mandates', { match: { operation: 'mandate' }, fault: { kind: 'late_callback' } }],
  ['no times at all', { match: {}, fault: { kind: 'drop_after' }, times: 0 }],
])('a rule with %s is refused', async (_, rule) => {
  expect((await stage.control('POST', 'rules', rule)).status).toBe(400)
})

test('rules are listed with what is left of them and removed one by one', async () => {
  const reference = order().reference
  const id = await stage.rule(reference, { kind: 'delay', ms: 1 }, 2)
  const rule = { id, match: { reference }, fault: { kind: 'delay', ms: 1 }, times: 2 }
  expect((await stage.control('GET', 'rules')).body).toEqual({ data: [rule] })
  await stage.collect({ reference })
  expect((await stage.control('GET', 'rules')).body).toEqual({ data: [{ ...rule, times: 1 }] })
  expect((await stage.control('DELETE', `rules/${id}`)).status).toBe(204)
  expect((await stage.control('DELETE', `rules/${id}`)).status).toBe(404)
  expect((await stage.control('GET', 'rules')).body).toEqual({ data: [] })
})

test('the book is read by reference, by account and since a time, in order', async () => {
  const first = await stage.collect({ account: MAGIC('70', '73') })
  const firstAt = Date.parse((await stage.moves(first.order.reference))[0]?.at ?? '')
  const since = new Date(firstAt + 1).toISOString()
  await until('a later millisecond', () => Date.now() > firstAt)
  const second = await stage.payOut({ account: MAGIC('70', '73') })
  const third = await stage.collect({ account: MAGIC('71', '46') })
  const references = async (query: string) => (await stage.book(query)).map(({ reference }) => reference)
  expect(await references(`account=${MAGIC('70', '73')}`)).toEqual([first.order.reference, second.order.reference])
  expect(await references(`since=${since}`)).toEqual([second.order.reference, third.order.reference])
  expect(await references(`reference=${third.order.reference}&account=${SETTLES}`)).toEqual([])
})

test('an account is what it was set to, an unknown one holds the default', async () => {
  const account = MAGIC('72', '19')
  expect(await stage.balance(account)).toBe(100_000_000n)
  const set = { account, balance: '12345', currency: 'KES', holder: 'Asha' }
  expect(await stage.control('POST', 'accounts', set)).toEqual({ status: 200, body: set })
  await stage.payOut({ account, amount: '1.00' })
  expect(await stage.balance(account)).toBe(12_445n)
  expect((await stage.control('POST', 'accounts', { ...set, balance: '-1' })).status).toBe(400)
})

test('the clock is the bank’s own: what is on time for the client is late for a bank that runs ahead', async () => {
  await stage.control('POST', 'clock', { offset_s: 60 })
  const late = await stage.message(collect(order()))
  expect(field(late.body, 'TxSts')).toBe('RJCT')
  await stage.control('POST', 'clock', { offset_s: 0 })
  expect(field((await stage.message(collect(order()))).body, 'TxSts')).toBe('ACSC')
})

test('mandates meet the faults asked for them', async () => {
  await stage.control('POST', 'rules', {
    match: { operation: 'mandate', reference: 'MX1' },
    fault: { kind: 'decline', reason: 'AC06' },
  })
  await stage.control('POST', 'rules', {
    match: { operation: 'mandate', reference: 'MX2' },
    fault: { kind: 'drop_after' },
    times: 1,
  })
  const ask = (reference: string) =>
    stage.client.post(
      '/iso20022/mandates',
      JSON.stringify({ reference, account: 'DE89370400440532013000', holder: 'Asha', currency: 'KES' }),
      { type: 'application/json' },
    )
  const refused = await ask('MX1')
  expect(refused.status).toBe(422)
  expect(JSON.parse(refused.body)).toMatchObject({ code: 'AC06' })
  await expect(ask('MX2')).rejects.toThrow(/socket hang up|ECONNRESET/)
  expect((await ask('MX2')).status).toBe(201)
})

test('a mandate that is told to be pending is decided after a while, and by whoever asks later', async () => {
  const ask = async (reference: string) => {
    const body = JSON.stringify({ reference, account: 'DE89370400440532013000', holder: 'Asha', currency: 'KES' })
    const answer = await stage.client.post('/iso20022/mandates', body, { type: 'application/json' })
    return { status: answer.status, body: z.record(z.string(), z.unknown()).parse(JSON.parse(answer.body)) }
  }
  const rule = (reference: string, fault: object) =>
    stage.control('POST', 'rules', { match: { operation: 'mandate', reference }, fault })
  await rule('MY1', { kind: 'pending', then: 'settled', after_s: 60 })
  await rule('MY2', { kind: 'pending', then: 'declined', after_s: 60 })
  await rule('MY3', { kind: 'pending', then: 'never' })
  const first = await Promise.all(['MY1', 'MY2', 'MY3'].map(ask))
  expect(first.map(({ status, body }) => [status, body['status']])).toEqual(
    Array.from({ length: 3 }, () => [201, 'pending']),
  )
  expect(await ask('MY1')).toEqual(first[0])
  await stage.control('POST', 'clock', { offset_s: 100 })
  const later = await Promise.all(['MY1', 'MY2', 'MY3'].map(ask))
  await stage.control('POST', 'clock', { offset_s: 0 })
  expect(later.map(({ status, body }) => [status, body['status'] ?? body['code']])).toEqual([
    [201, 'active'],
    [422, 'MS02'],
    [201, 'pending'],
  ])
  expect(later[0]?.body['mandateId']).toBe(first[0]?.body['mandateId'])
})
