import { createSecretKey, randomBytes } from 'node:crypto'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { open, seal, type KeyRing } from '../../src/codec/index.ts'
import { makeLog } from '../../src/observe/log.ts'
import { makeLogin, makeOpsServer } from '../../src/ops/service/index.ts'
import { ids, openDesk, type Desk, type DeskOperator } from './support/desk.ts'

/** The ops service over HTTP: who gets in, from which page, and what the codec shows to whom. */

const UI = 'http://127.0.0.1:8233'
const OWN = 'http://127.0.0.1:7310'
const ring: KeyRing = { writes: 'k', keys: new Map([['k', createSecretKey(randomBytes(32))]]) }

let desk: Desk
let app: FastifyInstance
let amara: DeskOperator
let cookie: string
let bearer: string

beforeAll(async () => {
  desk = await openDesk()
  amara = await desk.operator('amara')
  app = makeOpsServer({
    sql: desk.ops,
    ids,
    log: makeLog({ name: 'test', level: 'silent' }),
    ring,
    login: makeLogin(desk.ops),
    publicUrl: new URL(OWN),
    temporal: { uiOrigin: UI, namespace: 'default' },
    twoAboveMinor: 1_000_000n,
  })
  cookie = await logIn()
  const api = await ask({ method: 'POST', url: '/v1/login', payload: { name: 'amara', password: amara.password } })
  bearer = `Bearer ${z.object({ token: z.string() }).parse(api.json()).token}`
})
afterAll(async () => {
  await app.close()
  await desk.close()
})

const ask = (options: InjectOptions) =>
  app.inject({ ...options, headers: { host: '127.0.0.1:7310', ...options.headers } })
const form = (fields: Record<string, string>) => new URLSearchParams(fields).toString()
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

async function logIn(): Promise<string> {
  const payload = form({ name: 'amara', password: amara.password, next: '/' })
  const reply = await ask({ method: 'POST', url: '/login', headers: { ...FORM, origin: OWN }, payload })
  expect(reply.statusCode).toBe(303)
  return String(reply.headers['set-cookie'])
}
const session = () => cookie.split(';')[0] ?? ''

describe('the codec', () => {
  const PLAIN = {
    metadata: { encoding: Buffer.from('json/plain').toString('base64') },
    data: Buffer.from('"secret"').toString('base64'),
  }
  const sealed = () => {
    const { metadata, data } = seal(ring, {
      metadata: { encoding: Buffer.from('json/plain') },
      data: Buffer.from('"secret"'),
    })
    const base64 = (bytes: Uint8Array | null | undefined) => Buffer.from(bytes ?? []).toString('base64')
    return {
      metadata: Object.fromEntries(Object.entries(metadata ?? {}).map(([name, value]) => [name, base64(value)])),
      data: base64(data),
    }
  }
  const codec = (what: 'decode' | 'encode', headers: Record<string, string>, payloads: object[] = [sealed()]) =>
    ask({
      method: 'POST',
      url: `/codec/${what}?preserveStorageRefs=true`,
      headers: { 'x-namespace': 'default', ...headers },
      payload: { payloads },
    })

  test('shows payloads to a logged-in operator on the page of Temporal, and that page may read them', async () => {
    const reply = await codec('decode', { origin: UI, cookie: session() }, [sealed(), PLAIN])
    expect(reply.json()).toEqual({ payloads: [PLAIN, PLAIN] })
    expect(reply.headers).toMatchObject({
      'access-control-allow-origin': UI,
      'access-control-allow-credentials': 'true',
      vary: 'Origin',
    })
  })

  test('and to the command line by its token; what it encodes the hub reads', async () => {
    const reply = await codec('encode', { authorization: bearer }, [PLAIN])
    const Answer = z.object({
      payloads: z.array(z.object({ metadata: z.record(z.string(), z.string()), data: z.string() })),
    })
    const [payload] = Answer.parse(reply.json()).payloads
    const bytes = (text = '') => Buffer.from(text, 'base64')
    const opened = open(ring, {
      metadata: Object.fromEntries(
        Object.entries(payload?.metadata ?? {}).map(([name, value]) => [name, bytes(value)]),
      ),
      data: bytes(payload?.data),
    })
    expect(opened.ok && Buffer.from(opened.payload.data ?? []).toString()).toBe('"secret"')
  })

  test.each<[string, () => Record<string, string>, number]>([
    ['nobody', () => ({ origin: UI }), 401],
    ['a session that never was', () => ({ origin: UI, cookie: `mooring-ops=${'x'.repeat(43)}` }), 401],
    ['another page with the operator’s cookie', () => ({ origin: 'http://127.0.0.1:9999', cookie: session() }), 403],
    ['a page without an origin', () => ({ origin: 'null', cookie: session() }), 403],
    ['a browser that names no page', () => ({ cookie: session() }), 403],
  ])('shows nothing to %s, and writes it down', async (_who, headers, status) => {
    const reply = await codec('decode', headers())
    expect(reply.statusCode).toBe(status)
    expect(reply.body).not.toContain(PLAIN.data)
    if (headers()['origin'] !== UI) expect(reply.headers['access-control-allow-origin']).toBeUndefined()
    const [last] = await desk.ops`select kind, subject from ops_audit order by no desc limit 1`
    expect(last).toEqual({ kind: 'request_refused', subject: 'default' })
  })

  test('writes down who saw how much before it is shown', async () => {
    await codec('decode', { origin: UI, cookie: session() }, [sealed(), sealed()])
    const [last] = await desk.ops`select kind, operator, detail from ops_audit order by no desc limit 1`
    expect(last).toEqual({ kind: 'payloads_decoded', operator: 'amara', detail: '{"payloads":2}' })
  })

  test.each([
    [UI, UI],
    ['http://localhost:8233', undefined],
    [`${UI}.example`, undefined],
    ['null', undefined],
  ])('lets a browser ask beforehand: from %s, may %s', async (origin, allowed) => {
    const reply = await ask({ method: 'OPTIONS', url: '/codec/decode', headers: { origin } })
    expect(reply.statusCode).toBe(204)
    expect(reply.headers['access-control-allow-origin']).toBe(allowed)
  })

  test.each([{}, { payloads: null }])(
    'has nothing to say of %j, which a query without arguments sends',
    async (payload) => {
      const headers = { authorization: bearer, 'x-namespace': 'default' }
      const reply = await ask({ method: 'POST', url: '/codec/encode', headers, payload })
      expect([reply.statusCode, reply.json()]).toEqual([200, { payloads: [] }])
    },
  )

  test('says what it expects of a body that is something else', async () => {
    const reply = await ask({
      method: 'POST',
      url: '/codec/decode',
      headers: { authorization: bearer },
      payload: { payloads: 1 },
    })
    expect(reply.statusCode).toBe(400)
  })
})

describe('the pages', () => {
  test('set a cookie that no script reads and no other site sends', () => {
    expect(cookie).toMatch(/^mooring-ops=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/)
  })

  test('run no script, are in no frame and are kept nowhere', async () => {
    const { headers, body } = await ask({ url: '/', headers: { cookie: session() } })
    expect(headers['content-security-policy']).toMatch(/^default-src 'none'; .*frame-ancestors 'none'$/)
    expect(headers['cache-control']).toBe('no-store')
    expect(body).not.toContain('<script')
  })

  test('send whoever is not logged in to the login, and back only to a page of ours', async () => {
    const away = await ask({ url: '/payments/pay_1' })
    expect([away.statusCode, away.headers.location]).toEqual([303, '/login?next=%2Fpayments%2Fpay_1'])
    for (const next of ['//evil.example', '/\\evil.example', 'https://evil.example']) {
      const payload = form({ name: 'amara', password: amara.password, next })
      const reply = await ask({ method: 'POST', url: '/login', headers: { ...FORM, origin: OWN }, payload })
      expect(reply.headers.location).toBe('/')
    }
  })

  test.each(['http://127.0.0.1:9999', 'null', UI])('take no decision from the page %s', async (origin) => {
    const { id } = await desk.waiting()
    const request = {
      method: 'POST',
      payload: form({ action: 'cancel', reason: 'because I can', evidence_hash: '' }),
    } as const
    for (const url of [`/payments/${id}/approvals`, `/v1/payments/${id}/approvals`, '/logout', '/v1/logout']) {
      const reply = await ask({ ...request, url, headers: { ...FORM, origin, cookie: session() } })
      expect([url, reply.statusCode]).toEqual([url, 403])
    }
    expect(await desk.ops`select from approvals where payment = ${id}`).toHaveLength(0)
  })

  test('answer to their own name alone', async () => {
    const reply = await ask({ url: '/', headers: { host: 'evil.example', cookie: session() } })
    expect(reply.statusCode).toBe(421)
  })

  test('show what others typed as text', async () => {
    const { id } = await desk.waiting()
    await desk.owner`update attempts set evidence = '{"why":"<img src=x onerror=alert(1)>"}' where payment = ${id}`
    const { body } = await ask({ url: `/payments/${id}`, headers: { cookie: session() } })
    expect(body).toContain('&lt;img src=x')
    expect(body).not.toContain('<img')
    expect(body).not.toContain('DE02120300000000202051')
  })

  test('over TLS the cookie is of this host alone and never sent without', async () => {
    const secure = makeOpsServer({
      sql: desk.ops,
      ids,
      log: makeLog({ name: 'test', level: 'silent' }),
      ring,
      login: makeLogin(desk.ops),
      publicUrl: new URL('https://ops.example'),
      temporal: { uiOrigin: null, namespace: 'default' },
      twoAboveMinor: 0n,
    })
    const reply = await secure.inject({
      method: 'POST',
      url: '/login',
      headers: { ...FORM, host: 'ops.example', origin: 'https://ops.example' },
      payload: form({ name: 'amara', password: amara.password }),
    })
    expect(reply.headers['set-cookie']).toMatch(
      /^__Host-mooring-ops=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Secure$/,
    )
    expect(reply.headers['strict-transport-security']).toBeDefined()
    await secure.close()
  })

  test('after a logout the session is over, also for a copy of its cookie', async () => {
    const mine = (await logIn()).split(';')[0] ?? ''
    await ask({ method: 'POST', url: '/logout', headers: { origin: OWN, cookie: mine } })
    expect((await ask({ url: '/', headers: { cookie: mine } })).statusCode).toBe(303)
  })
})

describe('the list of what waits', () => {
  test('has what a rail left open for ten seconds and what needs an operator, and nothing else', async () => {
    const waits = await desk.waiting()
    const young = await desk.waiting()
    await desk.owner`update attempts set dispatched_at = now() where payment = ${young.id}`
    const needs = await desk.waiting()
    await desk.owner`update attempts set state = 'settled' where payment = ${needs.id}`
    await desk.owner`update payments set status_reason = 'needs_operator' where id = ${needs.id}`
    const settled = await desk.waiting()
    await desk.owner`update attempts set state = 'settled' where payment = ${settled.id}`
    const reply = await ask({ url: '/v1/waiting', headers: { authorization: bearer } })
    const found = z.object({ data: z.array(z.object({ id: z.string(), why: z.string() })) }).parse(reply.json()).data
    const known = found.filter(({ id }) => [waits, young, needs, settled].some((each) => each.id === id))
    expect(known.map(({ id }) => id).toSorted()).toEqual([waits.id, needs.id].toSorted())
    expect(found.find(({ id }) => id === waits.id)?.why).toContain(
      'the outcome at demo-bank is not known; asked 2 times',
    )
  })
})
