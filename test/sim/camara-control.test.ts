import { afterAll, beforeAll, expect, test } from 'vitest'
import { at, CamaraStage, newReference, paymentRequest, PAYMENTS, refundsOf } from '../support/camara-stage.ts'

/** The operator's control API, its statement, its strictness, and SIM cards. */

let stage: CamaraStage
beforeAll(async () => {
  stage = await CamaraStage.open()
})
afterAll(() => stage.close())

function today(): string {
  return new Date().toISOString().slice(0, 10)
}
const charge = async (over: Parameters<typeof paymentRequest>[1] = {}) => {
  const reference = newReference()
  const said = await stage.call('POST', PAYMENTS, paymentRequest(reference, over))
  return { reference, said, id: String(at(said.body, 'paymentId')) }
}
const balance = async (phone: string) =>
  at((await stage.control('GET', `accounts/${encodeURIComponent(phone)}`)).body, 'balance')

test('an account has the balance it was given, and pays no more than that', async () => {
  const account = '+254700300001'
  await stage.control('POST', 'accounts', { account, balance: '2000', currency: 'KES', holder: 'Asha' })
  expect((await charge({ phone: account })).said.status).toBe(201)
  expect(await balance(account)).toBe('750')
  expect((await charge({ phone: account })).said.status).toBe(403)
  const reserved = await stage.call(
    'POST',
    `${PAYMENTS}/prepare`,
    paymentRequest(newReference(), { phone: account, amount: 7 }),
  )
  expect(reserved.status).toBe(201)
  // What is reserved is not there twice.
  expect((await charge({ phone: account, amount: 1 })).said.status).toBe(403)
  expect(await balance(account)).toBe('750')
})

test('the book is filtered, and its sum is the sum of the balances', async () => {
  const account = '+254700300002'
  const { id, reference } = await charge({ phone: account })
  const code = newReference('RF01')
  const chargingInformation = { amount: 2.5, currency: 'KES', description: 'x', isTaxIncluded: true }
  const amountTransaction = { referenceCode: code, refundAmount: { chargingInformation } }
  await stage.call('POST', refundsOf(id), { type: 'partial', amountTransaction })
  const own = await stage.control('GET', `book?account=${encodeURIComponent(account)}`)
  expect(own.body).toMatchObject({ data: [{ reference }, { reference: code, original: reference }] })
  expect((await stage.control('GET', 'book?since=2999-01-01T00:00:00Z')).body).toEqual({ data: [] })
  expect((await stage.control('GET', 'book?since=today')).status).toBe(400)
  expect(await balance(account)).toBe(String(100_000_000n - 1_250n + 250n))
})

test('the statement of a day is there once it is closed, with one line a movement', async () => {
  const path = `/carrier-billing/statements/${today()}`
  expect((await stage.call('GET', path)).status).toBe(202)
  const plain = await charge()
  const [missing, altered, doubled] = [
    await charge({ phone: '+99955500070' }),
    await charge({ phone: '+99955500071' }),
    await charge({ phone: '+99955500072' }),
  ]
  const tampered = await charge()
  await stage.control('POST', `statement/${today()}/tamper`, {
    alter: { reference: tampered.reference, field: 'sign' },
    gap: tampered.reference,
    add: true,
  })
  await stage.control('POST', 'day/close', { date: today() })
  const late = await charge()
  const said = await stage.call('GET', path)
  const lines: unknown[] = said.text
    .trim()
    .split('\n')
    .map((line): unknown => JSON.parse(line))
  const linesOf = (reference: string) => lines.filter((line) => at(line, 'referenceCode') === reference)
  expect(linesOf(plain.reference)).toMatchObject([
    { paymentId: plain.id, amount: 12.5, currency: 'KES', state: 'succeeded', type: 'payment' },
  ])
  expect(linesOf(missing.reference)).toEqual([])
  expect(linesOf(altered.reference)).toMatchObject([{ amount: 12.51 }])
  expect(linesOf(doubled.reference)).toHaveLength(2)
  expect(linesOf(tampered.reference)).toMatchObject([{ amount: 12.5, type: 'refund' }])
  // What moves on a closed day is of the next.
  expect(linesOf(late.reference)).toEqual([])
  expect(linesOf('NOBODY')).toHaveLength(1)
  const sequence = lines.map((line) => at(line, 'sequence'))
  expect(sequence.at(-1)).toBe(lines.length + 1)
  expect((await stage.book(missing.reference))[0]?.effect).toBe('moved')
  expect((await stage.call('GET', '/carrier-billing/statements/yesterday')).status).toBe(400)
  expect((await stage.call('GET', '/carrier-billing/statements/2020-01-01')).text).toBe('')
})

test('a SIM card has the date it was told, an old one, or none', async () => {
  const date = async (phoneNumber: string) =>
    at((await stage.call('POST', '/sim-swap/v1/retrieve-date', { phoneNumber })).body, 'latestSimChange')
  expect(await date('+254700400001')).toBe('2020-01-01T00:00:00.000Z')
  await stage.control('POST', 'accounts', { account: '+254700400001', sim_changed_at: '2026-11-27T08:00:00Z' })
  expect(await date('+254700400001')).toBe('2026-11-27T08:00:00.000Z')
  await stage.control('POST', 'accounts', { account: '+254700400001', sim_changed_at: null })
  expect(await date('+254700400001')).toBeNull()
  expect((await stage.call('POST', '/sim-swap/v1/retrieve-date', {})).status).toBe(400)
})

test.each([
  ['rules', { match: {}, fault: { kind: 'unheard_of' } }],
  ['rules', { match: {}, fault: { kind: 'decline', reason: 'AM04' } }],
  ['rules', { match: { colour: 'red' }, fault: { kind: 'drop_after' } }],
  ['rules', { match: {}, fault: { kind: 'drop_after' }, times: 0 }],
  ['random', { seed: 1, faults: { drop_after: 2 } }],
  ['decide', { reference: 'x', outcome: 'maybe' }],
  ['accounts', { account: '0700' }],
  ['accounts', { account: '+254700000000', balance: '5' }],
  ['outage', { seconds: -1 }],
  ['day/close', { date: '28.11.2026' }],
  ['statement/today/tamper', {}],
  [`statement/${today()}/tamper`, { add: 1 }],
])('%s refuses %j', async (path, body) => {
  expect((await stage.control('POST', path, body)).status).toBe(400)
})

test('control wants its own token', async () => {
  const response = await fetch(`${stage.url}/control/book`, {
    headers: { authorization: `Bearer ${await stage.token()}` },
  })
  expect(response.status).toBe(401)
})

test('each call wants the scope that the standard gives it', async () => {
  const scopes = 'carrier-billing:payments:read'
  const authorization = `Bearer ${await stage.token(scopes)}`
  expect((await stage.call('GET', PAYMENTS, undefined, { authorization })).status).toBe(200)
  const said = await stage.call('POST', PAYMENTS, paymentRequest(newReference()), { authorization })
  expect([said.status, at(said.body, 'code')]).toEqual([403, 'PERMISSION_DENIED'])
  expect((await stage.call('GET', PAYMENTS, undefined, { authorization: 'Bearer no' })).status).toBe(401)
})

test('a request is of the schema, of the type and of one meaning, or it is refused', async () => {
  const good = paymentRequest(newReference())
  const text = JSON.stringify(good)
  for (const body of [
    text.replace('"clientCorrelator"', '"client_correlator"'),
    text.replace('"currency":"KES"', '"currency":"KES","currency":"USD"'),
    text.replace('"currency":"KES"', '"currency":"XYZ"'),
    text.replace('12.5', '"12.5"'),
    text.slice(0, -1),
    '[]',
    '',
  ])
    expect([body, (await stage.call('POST', PAYMENTS, body)).status]).toEqual([body, 400])
  expect((await stage.call('POST', PAYMENTS, text, { 'content-type': 'text/plain' })).status).toBe(415)
  expect((await stage.call('POST', PAYMENTS, text, { 'x-correlator': 'a b' })).status).toBe(400)
  expect((await stage.call('POST', PAYMENTS, ' '.repeat(20_000))).status).toBe(413)
  expect((await stage.call('POST', `${PAYMENTS}/P0`, good)).status).toBe(405)
  expect((await stage.call('GET', '/carrier-billing/v0.4/payments')).status).toBe(404)
  expect(await stage.book(good.amountTransaction.referenceCode)).toEqual([])
})

test('the discovery document names the token endpoint', async () => {
  const response = await fetch(`${stage.url}/.well-known/openid-configuration`)
  expect(at(await response.json(), 'token_endpoint')).toBe(`${stage.url}/oauth2/token`)
})

test('plain http sinks are for loopback, and only where they are allowed', async () => {
  const strict = await CamaraStage.open({ SIM_ALLOW_HTTP_LOOPBACK: '0' })
  const body = paymentRequest(newReference(), { sink: strict.sinkUrl })
  const said = await strict.call('POST', PAYMENTS, body)
  expect([said.status, at(said.body, 'code')]).toEqual([400, 'INVALID_SINK'])
  await strict.close()
  const far = { ...paymentRequest(newReference()), sink: 'http://mooring.example/callbacks' }
  expect(at((await stage.call('POST', PAYMENTS, far)).body, 'code')).toBe('INVALID_SINK')
})

test('events are tried again until they are taken, and not after 410', async () => {
  stage.replies.push(503, 500)
  const reference = newReference()
  await stage.rule({ reference }, { kind: 'late_callback', after_s: 0 })
  await stage.call('POST', PAYMENTS, paymentRequest(reference, { sink: stage.sinkUrl }))
  const mine = (of: string) => stage.events.filter(({ target }) => target.endsWith(of))
  await expect.poll(() => mine(reference).length, { timeout: 15_000 }).toBe(3)
  expect(new Set(mine(reference).map(({ body }) => body)).size).toBe(1)
  stage.replies.push(410)
  const gone = newReference()
  await stage.rule({ reference: gone }, { kind: 'late_callback', after_s: 0 })
  await stage.call('POST', PAYMENTS, paymentRequest(gone, { sink: stage.sinkUrl }))
  await expect.poll(() => mine(gone).length).toBe(1)
  await stage.control('POST', 'clock', { offset_s: 400 })
  await stage.control('POST', 'clock', { offset_s: 0 })
  expect(mine(gone)).toHaveLength(1)
})
