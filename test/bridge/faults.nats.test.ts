import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { okReply } from '../../src/bus/index.ts'
import { merchantHeaders, openStage, PAYMENT, scriptedHub, type Stage } from './stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await openStage({ caps: 'on' })
})
afterAll(() => stage.close())
beforeEach(() => {
  stage.hub.answer = () => okReply(PAYMENT)
})

const create = () =>
  stage.call('POST', '/v1/payments', { json: { amount: '1', currency: 'KES' }, headers: merchantHeaders() })
const answered = async () => (await create()).status

describe('without a hub', () => {
  it('a request is refused at once as retryable, and goes through when one is back', async () => {
    await stage.hub.close()
    const start = performance.now()
    const answer = await create()
    expect(performance.now() - start).toBeLessThan(1_000)
    expect([answer.status, answer.body.code, answer.body.retryable]).toEqual([503, 'temporarily_unavailable', true])
    expect(answer.headers.get('retry-after')).toBe('1')
    stage.hub = await scriptedHub(stage.nats)
    stage.hub.answer = () => okReply(PAYMENT)
    expect(await answered()).toBe(201)
  })

  it('a rail’s callback is not acknowledged', async () => {
    await stage.hub.close()
    expect((await stage.call('POST', '/v1/rails/iso20022/callbacks', { raw: '<x/>' })).status).toBe(503)
    stage.hub = await scriptedHub(stage.nats)
  })
})

describe('without NATS', () => {
  it('requests in flight and new ones are refused at once, and go through when it is back', async () => {
    stage.hub.answer = () => null
    stage.hub.asked = []
    const inFlight = create()
    await expect.poll(() => stage.hub.asked.length).toBe(1)
    await stage.nats.kill()
    expect((await inFlight).status).toBe(503)
    const start = performance.now()
    expect(await answered()).toBe(503)
    expect(performance.now() - start).toBeLessThan(500)
    await stage.nats.start()
    stage.hub.answer = () => okReply(PAYMENT)
    await expect.poll(answered, { timeout: 15_000, interval: 100 }).toBe(201)
  })
})

describe('with caps', () => {
  it('an address that floods the public routes is told to slow down, merchants are not touched', async () => {
    stage.hub.answer = (_request, subject) =>
      okReply(subject === 'cmd.identity.nonce' ? { nonce: 'n', expires_at: '2026-11-23T12:00:00.000Z' } : PAYMENT)
    const answers = await Promise.all(Array.from({ length: 100 }, () => stage.call('POST', '/v1/nonces')))
    const refused = answers.filter(({ status }) => status === 429)
    expect(answers.filter(({ status }) => status === 201).length).toBeGreaterThanOrEqual(40)
    expect(refused.length).toBeGreaterThan(0)
    for (const { headers, body } of refused) {
      expect(body.code).toBe('rate_limited')
      expect(headers.get('retry-after')).toMatch(/^[1-9]\d*$/)
    }
    expect(await answered()).toBe(201)
  })
})
