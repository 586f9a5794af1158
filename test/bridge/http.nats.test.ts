import { connect } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { okReply } from '../../src/bus/index.ts'
import { openApiDocument } from '../../src/bridge/openapi.ts'
import { document, merchantHeaders, openStage, PAGE_ORIGIN, PAYMENT, refusing, type Stage } from './stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage()
})
afterAll(() => stage.close())
beforeEach(() => {
  stage.hub.asked = []
  stage.hub.callbacks = []
  stage.hub.verdict = 204
  stage.hub.answer = () => okReply({})
})

describe('phones’ routes', () => {
  const proof = 'a.b.c'
  const enrolment = { id: 'enr_0000000000000000000001', expires_at: '2026-11-23T12:00:00.000Z' }
  const device = 'dev_0000000000000000000001'

  it.each([
    ['POST', '/v1/nonces', {}, 'cmd.identity.nonce', {}, 201, { nonce: 'n', expires_at: '2026-11-23T12:00:00.000Z' }],
    [
      'POST',
      '/v1/enrolments',
      { phone: '+254700000001' },
      'cmd.identity.enrol',
      { phone: '+254700000001' },
      201,
      enrolment,
    ],
    [
      'POST',
      `/v1/enrolments/${enrolment.id}/verify`,
      { otp: '123456', proof },
      'cmd.identity.verify',
      { enrolment: enrolment.id, otp: '123456', proof },
      200,
      { user: 'usr_0000000000000000000001', device },
    ],
    [
      'POST',
      '/v1/tokens',
      { device, proof },
      'cmd.identity.token',
      { device, proof },
      200,
      { access_token: 't', expires_in: 900 },
    ],
  ])(
    '%s %s asks the hub without a credential and with the peer’s address',
    async (method, path, json, subject, body, status, given) => {
      stage.hub.answer = () => okReply(given)
      const answer = await stage.call(method, path, { json })
      expect(answer.status).toBe(status)
      expect(answer.body).toEqual(given)
      expect(answer.headers.get('cache-control')).toBe('no-store')
      expect(stage.hub.asked[0]).toMatchObject({
        subject,
        request: { credential: { type: 'none' }, address: '127.0.0.1', body },
      })
    },
  )

  it('a nonce needs no body', async () => {
    stage.hub.answer = () => okReply({ nonce: 'n', expires_at: '2026-11-23T12:00:00.000Z' })
    expect((await stage.call('POST', '/v1/nonces')).status).toBe(201)
  })

  it('verify does not let its body name another enrolment', async () => {
    const answer = await stage.call('POST', `/v1/enrolments/${enrolment.id}/verify`, {
      json: { enrolment: 'enr_0000000000000000000002' },
    })
    expect([answer.status, answer.body.param]).toEqual([400, '/enrolment'])
    expect(stage.hub.asked).toEqual([])
  })

  it.each([
    ['otp_wrong', 422],
    ['otp_expired', 422],
    ['otp_exhausted', 422],
    ['unauthenticated', 401],
    ['not_found', 404],
    ['in_flight', 409],
  ] as const)('verify passes on %s as %i', async (code, status) => {
    stage.hub.answer = refusing(code)
    const answer = await stage.call('POST', `/v1/enrolments/${enrolment.id}/verify`, { json: { otp: '1', proof } })
    expect([answer.status, answer.body.code]).toEqual([status, code])
  })
})

describe('a rail’s callback', () => {
  it.each(['POST', 'PUT'])('by %s reaches the hub as the bytes and headers it was', async (method) => {
    const bytes = Uint8Array.from([0x00, 0xff, 0x7b, 0x0d, 0x0a, 0xc3])
    const answer = await fetch(`${stage.url}/v1/rails/iso20022/callbacks?a=%20b`, {
      method,
      body: bytes,
      headers: {
        'content-type': 'application/xml',
        'signature-input': 'sig1=("@method");created=1',
        'x-twice': 'a, b',
      },
    })
    expect(answer.status).toBe(204)
    expect(await answer.text()).toBe('')
    const [callback] = stage.hub.callbacks
    expect(Buffer.from(callback?.body ?? '', 'base64')).toEqual(Buffer.from(bytes))
    expect(callback).toMatchObject({
      method,
      targetUri: `${stage.url}/v1/rails/iso20022/callbacks?a=%20b`,
      headers: {
        'content-type': 'application/xml',
        'signature-input': 'sig1=("@method");created=1',
        'x-twice': 'a, b',
      },
    })
  })

  it('is not parsed, whatever type it claims', async () => {
    for (const type of ['application/json', 'text/plain', 'application/vnd.rail+xml; version=1']) {
      const answer = await fetch(`${stage.url}/v1/rails/gsma/callbacks`, {
        method: 'PUT',
        body: '{"__proto__":',
        headers: { 'content-type': type },
      })
      expect(answer.status).toBe(204)
    }
    expect(stage.hub.callbacks.map(({ body }) => Buffer.from(body, 'base64').toString())).toEqual(
      Array(3).fill('{"__proto__":'),
    )
  })

  it.each([400, 401, 404, 503] as const)('judged %i by the hub is answered so', async (status) => {
    stage.hub.verdict = status
    const answer = await stage.call('POST', '/v1/rails/iso20022/callbacks', { raw: '<x/>' })
    expect(answer.status).toBe(status)
  })

  it('of an unknown rail is 404 and goes nowhere', async () => {
    for (const rail of ['visa', 'iso20022.evil', '*', '%3E', '']) {
      expect((await stage.call('POST', `/v1/rails/${rail}/callbacks`, { raw: 'x' })).status).toBe(404)
    }
    expect(stage.hub.callbacks).toEqual([])
  })

  it('over 64 KiB is 413', async () => {
    const answer = await stage.call('POST', '/v1/rails/iso20022/callbacks', { raw: 'x'.repeat(65_537) })
    expect(answer.status).toBe(413)
    expect(stage.hub.callbacks).toEqual([])
  })
})

describe('anything else', () => {
  it('is 404', async () => {
    for (const path of ['/', '/v1', '/v1/nothing', '/v2/payments', '/v1/payments/a/b', '/healthz']) {
      const answer = await stage.call('GET', path)
      expect([answer.status, answer.body.code]).toEqual([404, 'not_found'])
    }
  })

  it('is 405 where another method would do, and names it', async () => {
    const removed = await stage.call('DELETE', '/v1/payments', { headers: merchantHeaders() })
    expect([removed.status, removed.headers.get('allow')]).toEqual([405, 'GET, POST'])
    const got = await stage.call('GET', '/v1/rails/iso20022/callbacks')
    expect([got.status, got.headers.get('allow')]).toEqual([405, 'POST, PUT'])
    expect((await stage.call('PATCH', `/v1/payments/${PAYMENT.id}`)).headers.get('allow')).toBe('GET')
  })

  it('in an address that cannot be decoded is 400', async () => {
    expect((await stage.call('GET', '/v1/payments/%zz')).status).toBe(400)
  })

  it.each([
    ['garbage', 'garbage\r\n\r\n', 400],
    ['too many headers', `GET /v1/payments HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, 431],
  ])('as %s on the wire is a problem too', async (_what, bytes, status) => {
    const text = await talk(bytes)
    const [head = '', body = ''] = text.split('\r\n\r\n')
    expect(head).toContain(`HTTP/1.1 ${status} `)
    expect(head).toMatch(/x-request-id: req_[0-9A-Za-z]{22}/)
    expect(JSON.parse(body)).toMatchObject({ status, code: 'invalid_request' })
  })
})

describe('the OpenAPI document', () => {
  it('is served, and is what the schemas say', async () => {
    const answer = await stage.call('GET', '/v1/openapi.json')
    expect(answer.body).toEqual(JSON.parse(JSON.stringify(openApiDocument())))
    expect(answer.body.openapi).toBe('3.1.0')
  })

  it('has no reference that leads nowhere and no operation twice', () => {
    const text = JSON.stringify(openApiDocument())
    const references = [...text.matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path = '']) => path.split('/'))
    expect(references.length).toBeGreaterThan(50)
    const dangling: string[] = []
    for (const path of references) {
      const found = path.reduce<unknown>((at, step) => (at as Record<string, unknown>)[step], openApiDocument()) // plain JSON
      if (found === undefined) dangling.push(path.join('/'))
    }
    expect(dangling).toEqual([])
    const ids = [...text.matchAll(/"operationId":"([^"]+)"/g)].map(([, id]) => id)
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('lists every route of the protocol that is built, with its errors', () => {
    const operations = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method} ${path}`),
    )
    expect(operations.toSorted()).toEqual(
      [
        'post /nonces',
        'post /enrolments',
        'post /enrolments/{id}/verify',
        'post /tokens',
        'post /payments',
        'get /payments',
        'get /payments/{id}',
        'post /payments/{id}/capture',
        'post /payments/{id}/cancel',
        'post /refunds',
        'get /refunds',
        'get /refunds/{id}',
        'post /socket_tokens',
        'post /stores',
        'get /stores',
        'get /stores/{id}',
        'get /stores/{id}/qr.svg',
      ].toSorted(),
    )
  })

  it('is rendered at /docs from this host alone', async () => {
    const page = await fetch(`${stage.url}/docs`)
    const html = await page.text()
    expect(page.status).toBe(200)
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
    const assets = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link = '']) => new URL(link, page.url))
    expect(assets.length).toBeGreaterThan(3)
    for (const asset of assets) {
      expect(asset.origin).toBe(stage.url)
      expect([asset.href, (await fetch(asset)).status]).toEqual([asset.href, 200])
    }
    const json = await fetch(`${stage.url}/docs/json`)
    expect(await json.json()).toMatchObject({ info: { title: 'Mooring' }, paths: { '/payments': {} } })
  })
})

function talk(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = connect(stage.port, '127.0.0.1', () => socket.write(bytes))
    socket.on('data', (chunk) => (text += chunk.toString()))
    socket.on('close', () => resolve(text))
    socket.on('error', reject)
  })
}

describe('a page in a browser', () => {
  const preflight = (path: string, origin: string) =>
    fetch(`${stage.url}${path}`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' },
    })

  it.each(['/v1/nonces', '/v1/tokens', '/v1/enrolments', '/v1/enrolments/enr_0000000000000000000001/verify'])(
    'on the list of origins may ask %s',
    async (path) => {
      const asked = await preflight(path, PAGE_ORIGIN)
      expect(asked.status).toBe(204)
      expect(asked.headers.get('access-control-allow-origin')).toBe(PAGE_ORIGIN)
      expect(asked.headers.get('access-control-allow-methods')).toBe('POST')
      expect(asked.headers.get('access-control-allow-headers')).toBe('content-type')
      expect(asked.headers.has('access-control-allow-credentials')).toBe(false)
    },
  )

  it('hears the answer, a refusal too', async () => {
    stage.hub.answer = refusing('rate_limited', { retryAfterMs: 2_000 })
    const answer = await stage.call('POST', '/v1/nonces', { json: {}, headers: { origin: PAGE_ORIGIN } })
    expect(answer.headers.get('access-control-allow-origin')).toBe(PAGE_ORIGIN)
    expect(answer.headers.get('access-control-expose-headers')).toContain('retry-after')
    expect(answer.headers.get('vary')).toBe('origin')
  })

  it.each([
    ['/v1/nonces', 'https://wallet.example.evil.example'],
    ['/v1/nonces', 'null'],
    ['/v1/payments', PAGE_ORIGIN],
    ['/v1/refunds', PAGE_ORIGIN],
    ['/v1/rails/iso20022/callbacks', PAGE_ORIGIN],
  ])('may not ask %s from %s', async (path, origin) => {
    const asked = await preflight(path, origin)
    expect(asked.headers.has('access-control-allow-origin')).toBe(false)
  })
})
