import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { invalidRequest, okReply, refusalReply } from '../../src/bus/index.ts'
import { CreatePaymentBody, ERROR_CODES, isRetryable, type ErrorCode } from '../../src/contract/index.ts'
import { merchantHeaders, openStage, PAYMENT, refusing, SECRET_KEY, type Stage } from './stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage()
})
afterAll(() => stage.close())
beforeEach(() => {
  stage.hub.asked = []
  stage.hub.answer = () => okReply(PAYMENT)
})

const create = (
  init: { json?: unknown; raw?: string | Uint8Array<ArrayBuffer>; headers?: Record<string, string> } = {},
) =>
  stage.call('POST', '/v1/payments', {
    ...(init.raw === undefined ? { json: init.json ?? { amount: '12345', currency: 'KES' } } : { raw: init.raw }),
    headers: init.headers ?? merchantHeaders(),
  })

describe('POST /payments', () => {
  it('asks the hub with the merchant’s key, the idempotency key and the body, and answers 201', async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    const answer = await create({ headers: merchantHeaders({ traceparent }) })
    expect(answer.status).toBe(201)
    expect(answer.body).toEqual(PAYMENT)
    expect(answer.headers.get('idempotency-replayed')).toBeNull()
    const [{ subject, request } = { subject: '', request: null }] = stage.hub.asked
    expect(subject).toBe('cmd.checkout.create')
    expect(request).toMatchObject({
      requestId: answer.headers.get('x-request-id'),
      credential: { type: 'merchant', secretKey: SECRET_KEY },
      key: 'k'.repeat(24),
      body: { amount: '12345', currency: 'KES' },
      traceparent,
    })
    expect(request?.deadline).toBeGreaterThan(Date.now())
  })

  it.each([
    'nonsense',
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `00-4bf92f3577b34da6a3ce929d0e0e4736-${'0'.repeat(16)}-01`,
  ])('does not pass on the ill-formed traceparent %s', async (traceparent) => {
    await create({ headers: merchantHeaders({ traceparent }) })
    expect(stage.hub.asked[0]?.request).not.toHaveProperty('traceparent')
  })

  it('answers a replay as it was stored, byte for byte, and says that it is one', async () => {
    const first = await create()
    stage.hub.answer = () => ({ ok: true, body: PAYMENT, replayed: true })
    const again = await create()
    expect([again.status, again.text]).toEqual([first.status, first.text])
    expect(again.text).toBe(JSON.stringify(PAYMENT))
    expect(again.headers.get('idempotency-replayed')).toBe('true')
  })

  it('answers a replayed refusal with the first one’s request id', async () => {
    const stored = refusing('currency_not_supported')({
      requestId: 'req_0000000000000000000001',
      credential: { type: 'none' },
      body: {},
      deadline: 0,
    })
    stage.hub.answer = () => ({ ...stored, replayed: true })
    const answer = await create()
    expect(answer.status).toBe(422)
    expect(answer.body.request_id).toBe('req_0000000000000000000001')
    expect(answer.headers.get('idempotency-replayed')).toBe('true')
  })

  it.each([
    ['bare', 'abcdefghijklmnop', 'abcdefghijklmnop'],
    ['quoted', '"abcdefghijklmnop"', 'abcdefghijklmnop'],
    ['of 64 characters', 'x'.repeat(64), 'x'.repeat(64)],
  ])('takes a key that is %s', async (_what, header, key) => {
    await create({ headers: merchantHeaders({ 'idempotency-key': header }) })
    expect(stage.hub.asked[0]?.request.key).toBe(key)
  })

  it.each([
    ['short', 'abcdefghijklmno'],
    ['long', 'x'.repeat(65)],
    ['half quoted', '"abcdefghijklmnop'],
    ['with a space', 'abcdefgh ijklmnop'],
    ['twice', 'abcdefghijklmnop, abcdefghijklmnop'],
    ['empty', ''],
  ])('refuses a key that is %s before anything else about the body', async (_what, header) => {
    const answer = await create({ raw: '{', headers: merchantHeaders({ 'idempotency-key': header }) })
    expect([answer.status, answer.body.code]).toEqual([400, 'idempotency_key_missing'])
    expect(stage.hub.asked).toEqual([])
  })

  it('refuses a missing key', async () => {
    const answer = await create({ headers: { authorization: `Bearer ${SECRET_KEY}` } })
    expect([answer.status, answer.body.code]).toEqual([400, 'idempotency_key_missing'])
  })

  it.each([
    ['no', {}],
    ['a basic', { authorization: 'Basic c2s6' }],
    ['a publishable', { authorization: `Bearer pk_test_${'k'.repeat(32)}` }],
    ['an empty', { authorization: 'Bearer ' }],
    ['an over-long', { authorization: `Bearer sk_test_${'k'.repeat(200)}` }],
  ])('with %s key is 401, and the hub is not asked', async (_what, headers: Record<string, string>) => {
    const answer = await create({ headers: { ...headers, 'idempotency-key': 'k'.repeat(24) } })
    expect([answer.status, answer.body.code]).toEqual([401, 'unauthenticated'])
    expect(answer.headers.get('www-authenticate')).toContain('Bearer')
    expect(stage.hub.asked).toEqual([])
  })

  it('says what is left of the merchant’s rate', async () => {
    const answer = await create()
    expect(answer.headers.get('ratelimit-policy')).toBe('"merchant";q=1000;w=1')
    expect(answer.headers.get('ratelimit')).toMatch(/^"merchant";r=\d+;t=\d+$/)
  })
})

describe('an error of the hub', () => {
  /** protocol.md §2, Errors; every other code is 422. */
  const STATUS: Partial<Record<ErrorCode, number>> = {
    invalid_request: 400,
    idempotency_key_missing: 400,
    unauthenticated: 401,
    insufficient_funds: 402,
    forbidden: 403,
    order_ref_in_use: 409,
    in_flight: 409,
    payment_not_capturable: 409,
    payment_not_cancelable: 409,
    payment_not_confirmable: 409,
    payment_expired: 409,
    code_used: 409,
    already_claimed: 409,
    rate_limited: 429,
    internal: 500,
    overloaded: 503,
    temporarily_unavailable: 503,
    rail_unavailable: 503,
  }

  it.each(ERROR_CODES)('%s has its status, and says when to come back where it should', async (code) => {
    stage.hub.answer = refusing(code, { param: 'currency' })
    const answer = await create()
    expect(answer.status).toBe(STATUS[code] ?? 422)
    expect(answer.body).toMatchObject({ code, retryable: isRetryable(code), detail: 'Said by the test.' })
    const saysWhen = answer.status === 429 || answer.status === 503 || code === 'in_flight'
    expect(answer.headers.get('retry-after')).toEqual(saysWhen ? expect.stringMatching(/^[1-9]\d*$/) : null)
  })

  it('names a field at fault by pointer in an ill-formed request, by name elsewhere', async () => {
    stage.hub.answer = refusing('invalid_request', { param: 'method.type' })
    expect((await create()).body.param).toBe('/method/type')
    stage.hub.answer = refusing('invalid_request', { param: 'metadata.a/b~c' })
    expect((await create()).body.param).toBe('/metadata/a~1b~0c')
    stage.hub.answer = refusing('not_found', { param: 'store' })
    expect((await create()).body.param).toBe('store')
  })

  it('about a used order_ref names the first payment', async () => {
    stage.hub.answer = refusing('order_ref_in_use', { param: 'order_ref', payment: PAYMENT.id })
    expect((await create()).body.payment).toBe(PAYMENT.id)
  })

  it('rounds the wait up to whole seconds', async () => {
    stage.hub.answer = refusing('rate_limited', { retryAfterMs: 1_001 })
    expect((await create()).headers.get('retry-after')).toBe('2')
  })
})

describe('a hostile body', () => {
  beforeEach(() => {
    stage.hub.answer = (request) => {
      const body = CreatePaymentBody.safeParse(request.body)
      return body.success ? okReply(PAYMENT) : refusalReply(invalidRequest(body.error), request.requestId)
    }
  })
  const amount = (text: string) => `{"amount":${text},"currency":"KES"}`
  const nested = (depth: number) =>
    `{"amount":"1","currency":"KES","metadata":${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}}`

  it.each([
    ['1e3 as amount', amount('1e3'), '/amount'],
    ['"1e3" as amount', amount('"1e3"'), '/amount'],
    ['-0 as amount', amount('-0'), '/amount'],
    ['"-0" as amount', amount('"-0"'), '/amount'],
    ['2^53+1 as amount', amount('9007199254740993'), '/amount'],
    ['2^63 as amount', amount('"9223372036854775808"'), '/amount'],
    ['"01" as amount', amount('"01"'), '/amount'],
    ['" 1" as amount', amount('" 1"'), '/amount'],
    ['"1.0" as amount', amount('"1.0"'), '/amount'],
    ['a list as amount', amount('["1"]'), '/amount'],
    ['null as amount', amount('null'), '/amount'],
    ['digits of another script as amount', amount('"١٢"'), '/amount'],
    ['__proto__', '{"amount":"1","currency":"KES","__proto__":{"admin":true}}', '/__proto__'],
    ['a nested __proto__', '{"amount":"1","currency":"KES","metadata":{"__proto__":"x"}}', '/__proto__'],
    ['an escaped __proto__', '{"amount":"1","currency":"KES","\\u005f_proto__":1}', '/__proto__'],
    ['constructor.prototype', '{"amount":"1","currency":"KES","constructor":{"prototype":{"x":1}}}', '/constructor'],
    ['an unknown field', '{"amount":"1","currency":"KES","fee":"0"}', '/fee'],
    ['32 levels and more', nested(40), undefined],
    ['60,000 brackets', '['.repeat(60_000), undefined],
    ['half an object', '{"amount":', undefined],
    ['two objects', '{}{}', undefined],
    ['a comment', '{/**/}', undefined],
    ['a byte order mark alone', '\uFEFF', undefined],
    ['a list', '[]', undefined],
    ['null', 'null', undefined],
    ['a text', '"x"', undefined],
    ['nothing', '', undefined],
    ['a newline in order_ref', '{"amount":"1","currency":"KES","order_ref":"a\\nb"}', '/order_ref'],
  ])('with %s is 400', async (_what, raw, param) => {
    const answer = await create({ raw })
    expect([answer.status, answer.body.code, answer.body.param]).toEqual([400, 'invalid_request', param])
  })

  it('that is not UTF-8 is 400', async () => {
    const answer = await create({ raw: Uint8Array.from([0x7b, 0x22, 0xff, 0x22, 0x7d]) })
    expect([answer.status, answer.body.code]).toEqual([400, 'invalid_request'])
  })

  it('over 64 KiB is 413', async () => {
    const answer = await create({ json: { amount: '1', currency: 'KES', description: 'x'.repeat(70_000) } })
    expect([answer.status, answer.body.code]).toEqual([413, 'invalid_request'])
  })

  it.each(['text/plain', 'application/xml', 'application/x-www-form-urlencoded', 'nonsense'])(
    'sent as %s is 415',
    async (type) => {
      const answer = await create({ headers: merchantHeaders({ 'content-type': type }) })
      expect([answer.status, answer.body.code]).toEqual([415, 'invalid_request'])
    },
  )

  it('within the rules goes through', async () => {
    expect((await create({ raw: '{"amount":"999999999999999999","currency":"KES"}' })).status).toBe(201)
  })
})

describe('GET /payments', () => {
  it('reads one by its id', async () => {
    const answer = await stage.call('GET', `/v1/payments/${PAYMENT.id}`, { headers: merchantHeaders() })
    expect(answer.status).toBe(200)
    expect(stage.hub.asked[0]).toMatchObject({
      subject: 'cmd.checkout.get',
      request: { body: { payment: PAYMENT.id } },
    })
  })

  it('of an id that is not there, or cannot be, is 404', async () => {
    stage.hub.answer = refusing('not_found')
    for (const id of [PAYMENT.id, 'x', 'mer_0000000000000000000001', '%00', 'pay_1.%2A.%3E', 'x'.repeat(100)]) {
      const answer = await stage.call('GET', `/v1/payments/${id}`, { headers: merchantHeaders() })
      expect([answer.status, answer.body.code]).toEqual([404, 'not_found'])
    }
    expect(stage.hub.asked).toHaveLength(1)
  })

  it('lists with its query, which the hub judges', async () => {
    stage.hub.answer = () => okReply({ data: [PAYMENT], has_more: true })
    const answer = await stage.call('GET', '/v1/payments?limit=1&status=succeeded', { headers: merchantHeaders() })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('ratelimit')).not.toBeNull()
    expect(stage.hub.asked[0]).toMatchObject({
      subject: 'cmd.checkout.list',
      request: { body: { limit: '1', status: 'succeeded' } },
    })
    stage.hub.answer = refusing('invalid_request', { param: 'limit' })
    const refused = await stage.call('GET', '/v1/payments?limit=0', { headers: merchantHeaders() })
    expect([refused.status, refused.body.param]).toEqual([400, '/limit'])
  })

  it('without a key is 401', async () => {
    expect((await stage.call('GET', '/v1/payments')).status).toBe(401)
    expect((await stage.call('GET', `/v1/payments/${PAYMENT.id}`)).status).toBe(401)
  })
})
