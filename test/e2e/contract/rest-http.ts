import { Ajv2020 } from 'ajv/dist/2020.js'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { random } from '../support/raw-key.ts'
import { http } from '../support/raw-rest.ts'
import type { Stage } from '../support/raw-stage.ts'
import { expectProblem } from './rest-payments.ts'

const OpenApi = z.looseObject({
  openapi: z.string().regex(/^3\.1\.\d+$/),
  info: z.looseObject({ title: z.string(), version: z.string() }),
  paths: z.record(z.string(), z.record(z.string(), z.unknown())),
  components: z.looseObject({ schemas: z.record(z.string(), z.record(z.string(), z.unknown())) }),
})

export function restHttp(stage: () => Stage): void {
  const url = () => `${stage().dev.bridge}/payments`
  const headers = () => ({ authorization: `Bearer ${stage().merchant.secret_key}`, 'idempotency-key': random(18) })
  const right = { amount: '250', currency: 'KES' }

  test('every answer has an X-Request-Id of its own; a problem carries the same', async () => {
    const good = await http(url(), { headers: headers() })
    const bad = await http(url(), { headers: { ...headers(), 'x-request-id': 'req_chosen_by_client' }, body: {} })
    expect(good.headers.get('x-request-id')).toMatch(/^req_[0-9A-Za-z]{8,40}$/)
    expect(bad.json['request_id']).toBe(bad.headers.get('x-request-id'))
    expect(bad.headers.get('x-request-id')).not.toBe(good.headers.get('x-request-id'))
    expect(good.headers.get('ratelimit')).not.toBeNull()
    expect(good.headers.get('ratelimit-policy')).not.toBeNull()
  })

  test('a body is JSON and says so', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/xml',
      'multipart/form-data; boundary=x',
      'application/jsonp',
    ]) {
      const answer = await http(url(), { headers: { ...headers(), 'content-type': type }, body: JSON.stringify(right) })
      expectProblem(answer, 415, 'invalid_request')
    }
    const utf8 = { ...headers(), 'content-type': 'application/json; charset=utf-8' }
    expect((await http(url(), { headers: utf8, body: JSON.stringify(right) })).status).toBe(201)
  })

  test('what is no JSON, too deep, not UTF-8 or not there is an invalid_request', async () => {
    const deep = `{"amount":${'['.repeat(200)}${']'.repeat(200)}}`
    const latin1 = new Blob([Buffer.from('{"amount":"1","currency":"KES","description":"caf\u00e9"}', 'latin1')])
    for (const body of ['{', '{"amount":"1",}', "{'amount':'1'}", 'amount=1', '{"amount":1e3', deep, latin1, '']) {
      const answer = await http(url(), {
        headers: { ...headers(), 'content-type': 'application/json' },
        method: 'POST',
        body,
      })
      expectProblem(answer, 400, 'invalid_request')
    }
  })

  test('a body too large is turned away before it is read', async () => {
    const body = JSON.stringify({ ...right, description: 'x'.repeat(2_000_000) })
    expectProblem(await http(url(), { headers: headers(), body }), 413, 'invalid_request')
  })

  test('what is not there is 404, another method than it takes is not 200', async () => {
    const { bridge } = stage().dev
    expectProblem(await http(`${bridge}/nothing`, { headers: headers() }), 404, 'not_found')
    for (const [method, path] of [
      ['DELETE', '/payments'],
      ['PUT', '/payments'],
      ['PATCH', '/payments/pay_0000000000000000000000'],
      ['GET', '/tokens'],
      ['GET', '/nonces'],
    ]) {
      const answer = await http(`${bridge}${path ?? ''}`, { headers: headers(), method: method ?? '' })
      expect([404, 405]).toContain(answer.status)
      expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/)
    }
  })

  test('what later issues bring is not there yet', async () => {
    const { bridge } = stage().dev
    for (const path of ['/payouts', '/webhook_endpoints']) {
      expectProblem(await http(`${bridge}${path}`, { headers: headers(), body: {} }), 404, 'not_found')
    }
    for (const path of ['/balance', '/settlements', '/events'])
      expectProblem(await http(`${bridge}${path}`, { headers: headers() }), 404, 'not_found')
  })

  test('OpenAPI 3.1 is served, its schemas are sound and judge as the server does', async () => {
    const { bridge } = stage().dev
    const served = await http(`${bridge}/openapi.json`)
    const document = OpenApi.parse(served.json)
    for (const [path, methods] of Object.entries({
      '/payments': ['get', 'post'],
      '/payments/{id}': ['get'],
      '/refunds': ['get', 'post'],
      '/refunds/{id}': ['get'],
      '/nonces': ['post'],
      '/enrolments': ['post'],
      '/enrolments/{id}/verify': ['post'],
      '/tokens': ['post'],
    })) {
      const found = Object.entries(document.paths).find(([name]) => name.replace(/^\/v1/, '') === path)?.[1] ?? {}
      expect([path, Object.keys(found)]).toEqual([path, expect.arrayContaining(methods)])
    }
    const ajv = new Ajv2020({ strict: false, validateFormats: false })
    ajv.addSchema({ $id: 'openapi', ...document })
    const names = Object.keys(document.components.schemas)
    for (const name of names) expect(() => ajv.compile({ $ref: `openapi#/components/schemas/${name}` })).not.toThrow()
    const create = ajv.compile({ $ref: 'openapi#/components/schemas/CreatePayment' })
    expect([create(right), create({ ...right, amount: '01' }), create({ ...right, surprise: 1 }), create({})]).toEqual([
      true,
      false,
      false,
      false,
    ])
    const payment = ajv.compile({ $ref: 'openapi#/components/schemas/Payment' })
    expect(payment((await http(url(), { headers: headers(), body: right })).json)).toBe(true)
    const refs = [...served.text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name)
    expect(names).toEqual(expect.arrayContaining(refs))
    const docs = await fetch(`${new URL(bridge).origin}/docs`)
    expect([docs.status, docs.headers.get('content-type')]).toEqual([200, expect.stringMatching(/^text\/html/)])
  })
}
