import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { okReply, type HubRequest } from '../../src/bus/index.ts'
import { BRIDGE_LIMITS } from '../../src/bridge/index.ts'
import type { ErrorCode } from '../../src/contract/index.ts'
import { merchantHeaders, openStage, PAYMENT, refusing, SECRET_KEY, type Stage } from './stage.ts'

/** Who is counted, and against what, behind a balancer at 127.0.0.1. */

const NONCE = { nonce: 'n', expires_at: '2026-11-23T12:00:00.000Z' }
const BURST = BRIDGE_LIMITS.guess_burst

/** Time that passes only when a test says so, ms. Each test is an hour after the one before: all buckets are full. */
let now = 0
let stage: Stage
let direct: Stage
beforeAll(async () => {
  stage = await openStage({ caps: 'on', proxies: '127.0.0.1', monotonic: () => now })
  direct = await openStage({ caps: 'on', monotonic: () => now })
})
afterAll(() => Promise.all([stage.close(), direct.close()]))
beforeEach(() => {
  now += 3_600_000
  for (const { hub } of [stage, direct]) {
    hub.asked = []
    hub.answer = (request, subject) => {
      if (subject === 'cmd.identity.nonce') return okReply(NONCE)
      return secretOf(request) === SECRET_KEY ? okReply(PAYMENT) : refusing('unauthenticated')(request)
    }
  }
})

const secretOf = ({ credential }: HubRequest) => (credential.type === 'merchant' ? credential.secretKey : null)
const madeUp = () => `sk_test_${randomBytes(24).toString('base64url')}`
const from = (address: string) => ({ 'x-forwarded-for': address })

type Answer = { status: number; code: string | undefined; headers: Headers }

/** As `stage.call`, which also holds each answer to the OpenAPI document: too slow for thousands. */
async function post(at: Stage, path: string, headers: Record<string, string>, body?: string): Promise<Answer> {
  const response = await fetch(`${at.url}${path}`, { method: 'POST', headers, ...(body === undefined ? {} : { body }) })
  return { status: response.status, code: Code.parse(await response.json()).code, headers: response.headers }
}
const Code = z.object({ code: z.string().optional() })

const PAY = { amount: '1', currency: 'KES' }
const bearing = (secretKey: string, headers: Record<string, string> = {}) =>
  merchantHeaders({ authorization: `Bearer ${secretKey}`, 'content-type': 'application/json', ...headers })
const create = (secretKey: string, headers: Record<string, string> = {}, at = stage) =>
  post(at, '/v1/payments', bearing(secretKey, headers), JSON.stringify(PAY))
const nonce = (headers: Record<string, string> = {}, at = stage) => post(at, '/v1/nonces', headers)

async function many(times: number, send: (i: number) => Promise<Answer>): Promise<Answer[]> {
  const answers: Answer[] = []
  while (answers.length < times) {
    const together = Math.min(100, times - answers.length)
    answers.push(...(await Promise.all(Array.from({ length: together }, (_, i) => send(answers.length + i)))))
  }
  return answers
}
const statuses = (answers: Answer[]) => {
  const counts: Record<number, number> = {}
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1
  return counts
}

describe('secret keys that are made up', () => {
  it('reach a hub as often as one address may guess, though each is new, and a merchant there goes on', async () => {
    const here = from('203.0.113.7')
    expect((await create(SECRET_KEY, here)).status).toBe(201)
    stage.hub.asked = []
    const guesses = many(2_000, () => create(madeUp(), here))
    const honest = await many(300, () => create(SECRET_KEY, here))
    const answers = await guesses
    expect(statuses(honest)).toEqual({ 201: 300 })
    expect(statuses(answers)).toEqual({ 401: BURST - 1, 429: 2_000 - BURST + 1 })
    expect(stage.hub.asked.filter(({ request }) => secretOf(request) !== SECRET_KEY)).toHaveLength(BURST - 1)
    const refused = await stage.call('POST', '/v1/payments', { json: PAY, headers: bearing(madeUp(), here) })
    expect([refused.status, refused.body.code, refused.headers.get('retry-after')]).toEqual([429, 'rate_limited', '1'])
    now += 1_000
    const later = await many(50, () => create(madeUp(), here))
    expect(statuses(later)).toEqual({ 401: BRIDGE_LIMITS.guess_per_s, 429: 50 - BRIDGE_LIMITS.guess_per_s })
  })

  it('are counted though it is one key again and again, also all at once', async () => {
    const key = madeUp()
    const together = await Promise.all(Array.from({ length: 200 }, () => create(key, from('203.0.113.7'))))
    expect(statuses(together)).toEqual({ 401: BURST, 429: 200 - BURST })
    expect(stage.hub.asked).toHaveLength(BURST)
  })

  it('are counted for the whole /64 of an IPv6 address, and for no other', async () => {
    const there = await many(100, (i) => create(madeUp(), from(`2001:db8:1:2:${i.toString(16)}::${i.toString(16)}`)))
    expect(statuses(there)).toEqual({ 401: BURST, 429: 100 - BURST })
    expect((await create(madeUp(), from('2001:db8:1:3::1'))).status).toBe(401)
    expect((await create(madeUp(), from('203.0.113.7'))).status).toBe(401)
  })
})

describe('a merchant', () => {
  it('that begins with hundreds of requests at once meets no cap of its address', async () => {
    const key = madeUp()
    let [sent, said] = [0, 0]
    stage.hub.answer = async () => {
      // The first is answered when all are on their way, so that they come before anything is known of the key.
      if (said++ === 0) await expect.poll(() => sent).toBe(300)
      return okReply(PAYMENT)
    }
    const answers = await Promise.all(
      Array.from({ length: 300 }, () => {
        sent++
        return create(key, from('198.51.100.1'))
      }),
    )
    expect(statuses(answers)).toEqual({ 201: 300 })
  })

  it('is known as long as it is used, and then has guessed once', async () => {
    const here = from('203.0.113.7')
    const key = madeUp()
    stage.hub.answer = (request) =>
      secretOf(request) === key ? okReply(PAYMENT) : refusing('unauthenticated')(request)
    const spend = () => many(BURST + 10, () => create(madeUp(), here))
    expect((await create(key, here)).status).toBe(201)
    for (let i = 0; i < 3; i++) {
      now += BRIDGE_LIMITS.key_known_ms - 1
      await spend()
      expect((await create(key, here)).status).toBe(201)
    }
    now += BRIDGE_LIMITS.key_known_ms
    await spend()
    expect((await create(key, here)).status).toBe(429)
  })

  it('whose key was revoked guesses from then on', async () => {
    const key = madeUp()
    stage.hub.answer = () => okReply(PAYMENT)
    expect((await create(key)).status).toBe(201)
    stage.hub.answer = refusing('unauthenticated')
    stage.hub.asked = []
    const answers = [await create(key), ...(await many(100, () => create(key)))]
    // Of its guesses here it had made one.
    expect(statuses(answers)).toEqual({ 401: BURST, 429: 101 - BURST })
    expect(stage.hub.asked).toHaveLength(BURST)
  })

  it.each(['overloaded', 'temporarily_unavailable', 'internal'] as const satisfies ErrorCode[])(
    'is not known by a hub that said %s before it looked at the key',
    async (code) => {
      const key = madeUp()
      stage.hub.answer = refusing(code)
      const answers = await many(100, () => create(key))
      expect(statuses(answers)[429]).toBe(100 - BURST)
      expect(stage.hub.asked).toHaveLength(BURST)
    },
  )

  it.each(['not_found', 'invalid_request', 'rail_unavailable', 'rate_limited'] as const satisfies ErrorCode[])(
    'is known by a hub that refused what it asked, by %s',
    async (code) => {
      const key = madeUp()
      stage.hub.answer = refusing(code)
      await many(100, () => create(key))
      expect(stage.hub.asked).toHaveLength(100)
    },
  )

  it('waits for no request with its key that ends before a hub is asked', async () => {
    const key = madeUp()
    stage.hub.answer = () => okReply(PAYMENT)
    const bodiless = connect(stage.port, '127.0.0.1')
    const read = new Promise<string>((resolve) => bodiless.once('data', (chunk) => resolve(String(chunk))))
    const headers = Object.entries(bearing(key, { host: 'x', 'content-length': '100', expect: '100-continue' }))
    bodiless.write(`POST /v1/payments HTTP/1.1\r\n${headers.map((pair) => `${pair.join(': ')}\r\n`).join('')}\r\n`)
    expect(await read).toContain('100 Continue')
    const waits = create(key)
    const start = performance.now()
    bodiless.destroy()
    expect((await waits).status).toBe(201)
    expect(performance.now() - start).toBeLessThan(BRIDGE_LIMITS.key_wait_ms)
  })

  it('waits for another request with its key a while at most', async () => {
    const key = madeUp()
    let asked = 0
    let release = (): void => {}
    const held = new Promise<void>((resolve) => (release = resolve))
    stage.hub.answer = async () => {
      if (asked++ === 0) await held
      return okReply(PAYMENT)
    }
    const unanswered = create(key)
    await expect.poll(() => asked).toBe(1)
    const start = performance.now()
    expect((await create(key)).status).toBe(201)
    expect(performance.now() - start).toBeGreaterThan(BRIDGE_LIMITS.key_wait_ms / 2)
    release()
    expect((await unanswered).status).toBe(201)
  })
})

describe('public routes', () => {
  it('count an IPv6 /64 as one, and say to the hub who asks', async () => {
    const answers = await many(100, (i) => nonce(from(`2001:db8:1:2::${(i + 1).toString(16)}`)))
    const burst = BRIDGE_LIMITS.address_burst
    expect(statuses(answers)).toEqual({ 201: burst, 429: 100 - burst })
    expect((await nonce(from('2001:db8:1:3::1'))).status).toBe(201)
    expect(stage.hub.asked.at(-1)?.request.address).toBe('2001:db8:1:3:0:0:0:1')
  })

  it('count clients behind a trusted balancer apart, whatever they say came before them', async () => {
    const flood = await many(100, (i) => nonce(from(`198.51.100.${i}, 127.0.0.1, 203.0.113.7`)))
    expect(statuses(flood)).toEqual({ 201: BRIDGE_LIMITS.address_burst, 429: 100 - BRIDGE_LIMITS.address_burst })
    expect((await nonce(from('203.0.113.8'))).status).toBe(201)
    expect((await nonce(from('198.51.100.1'))).status).toBe(201)
    expect(stage.hub.asked.map(({ request }) => request.address)).toEqual([
      ...Array<string>(BRIDGE_LIMITS.address_burst).fill('203.0.113.7'),
      '203.0.113.8',
      '198.51.100.1',
    ])
  })

  it('read a header that was sent twice as one: the balancer’s own comes last', async () => {
    const said = await new Promise<string>((resolve, reject) => {
      const socket = connect(stage.port, '127.0.0.1')
      socket.write(
        'POST /v1/nonces HTTP/1.1\r\nhost: x\r\nx-forwarded-for: 198.51.100.1\r\nconnection: close\r\n' +
          'x-forwarded-for: 203.0.113.7\r\n\r\n',
      )
      let text = ''
      socket.on('data', (chunk) => (text += String(chunk)))
      socket.on('close', () => resolve(text))
      socket.on('error', reject)
    })
    expect(said).toContain('HTTP/1.1 201')
    expect(stage.hub.asked[0]?.request.address).toBe('203.0.113.7')
  })

  it.each(['unknown', '203.0.113.7:4711', '203.0.113.7,', '<script>'])(
    'take the balancer for the client where it says %j',
    async (header) => {
      expect((await nonce(from(header))).status).toBe(201)
      expect(stage.hub.asked[0]?.request.address).toBe('127.0.0.1')
    },
  )

  it('are told nothing by whoever is no balancer of ours', async () => {
    const flood = await many(100, (i) => nonce(from(`203.0.113.${i}`), direct))
    expect(statuses(flood)).toEqual({ 201: BRIDGE_LIMITS.address_burst, 429: 100 - BRIDGE_LIMITS.address_burst })
    expect(new Set(direct.hub.asked.map(({ request }) => request.address))).toEqual(new Set(['127.0.0.1']))
    const guesses = await many(100, (i) => create(madeUp(), from(`203.0.113.${i}`), direct))
    expect(statuses(guesses)).toEqual({ 401: BURST, 429: 100 - BURST })
  })
})

it('lifts the caps per address for loopback alone where they are off', async () => {
  const off = await openStage({ caps: 'off', proxies: '127.0.0.1', monotonic: () => now })
  try {
    off.hub.answer = (request, subject) =>
      subject === 'cmd.identity.nonce' ? okReply(NONCE) : refusing('unauthenticated')(request)
    expect(statuses(await many(100, () => nonce({}, off)))).toEqual({ 201: 100 })
    expect(statuses(await many(100, () => create(madeUp(), {}, off)))).toEqual({ 401: 100 })
    expect(statuses(await many(100, () => nonce(from('203.0.113.7'), off)))).toMatchObject({ 429: 60 })
    expect(statuses(await many(100, () => create(madeUp(), from('203.0.113.7'), off)))).toMatchObject({ 429: 60 })
  } finally {
    await off.close()
  }
})

describe('callbacks of rails', () => {
  const callback = (headers: Record<string, string>) =>
    post(stage, '/v1/rails/gsma/callbacks', { 'content-type': 'application/json', ...headers }, '{}')

  it('reach a hub as often as one address may send them, whatever body comes with them, and no other waits', async () => {
    const [most, here] = [BRIDGE_LIMITS.callbacks_burst, from('203.0.113.7')]
    stage.hub.callbacks = []
    stage.hub.verdict = 401
    const answers = await many(most + 100, () => callback(here))
    expect(statuses(answers)).toEqual({ 401: most, 429: 100 })
    expect(stage.hub.callbacks).toHaveLength(most)
    const refused = answers.find(({ status }) => status === 429)
    expect(refused?.code).toBe('rate_limited')
    expect(refused?.headers.get('retry-after')).toBe('1')
    // Before the body is read: one that is too large is refused for its number.
    const large = { 'content-type': 'application/json', ...here }
    expect((await post(stage, '/v1/rails/gsma/callbacks', large, 'x'.repeat(65_537))).status).toBe(429)
    expect((await callback(from('203.0.113.8'))).status).toBe(401)
    expect((await nonce(here)).status).toBe(201)
    now += 1_000
    expect((await callback(here)).status).toBe(401)
    stage.hub.verdict = 204
  })
})

describe('sign-ups', () => {
  it('are counted for the network too, whichever of its addresses they come from; tokens are not', async () => {
    const most = BRIDGE_LIMITS.network_burst
    stage.hub.answer = refusing('rate_limited')
    const body = JSON.stringify({ phone: '+254700000000' })
    const at = (address: string, path = '/v1/enrolments') =>
      post(stage, path, { 'content-type': 'application/json', ...from(address) }, body)
    stage.hub.asked = []
    await many(most + 50, (i) => at(`2001:db8:77:${i.toString(16)}::1`))
    expect(stage.hub.asked).toHaveLength(most)
    await at('2001:db8:78:1::1')
    await at('2001:db8:77:ffff::1', '/v1/tokens')
    expect(stage.hub.asked).toHaveLength(most + 2)
    await at('2001:db8:77:fffe::1', '/v1/enrolments/enr_1/verify')
    expect(stage.hub.asked).toHaveLength(most + 2)
  })
})
