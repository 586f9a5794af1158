import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Registry } from 'prom-client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readIso20022Keys } from '../../src/rails/iso20022/index.ts'
import { ed25519, makeOrder, report, startBank, type TestBank } from './support/bank.ts'

let bank: TestBank
beforeEach(async () => {
  bank = await startBank()
})
afterEach(() => bank.close())

const signal = () => AbortSignal.timeout(5_000)
const send = (order = makeOrder()) => bank.rail.send(order, { signal: signal(), mayWrite: () => true })

describe('an answer', () => {
  it('over the wire becomes an outcome', async () => {
    const order = makeOrder()
    bank.script = ({ reply }) => reply(200, report(order, { status: 'RJCT', reasons: ['AM04'], railReference: null }))
    expect(await send(order)).toMatchObject({ kind: 'declined', code: 'insufficient_funds', reason: 'AM04' })
    bank.script = ({ reply }) => reply(202, report(order, { status: 'PDNG', railReference: null }))
    expect(await send(order)).toMatchObject({ kind: 'pending', evidence: { status: 'PDNG' } })
    bank.script = ({ reply }) => reply(409, report(order, { status: 'RJCT', reasons: ['DU03'], railReference: null }))
    expect(await send(order)).toMatchObject({ kind: 'unknown' })
  })

  it('in the right words but badly signed, unsigned, of another type or compressed is unknown, with an alarm', async () => {
    const order = makeOrder()
    const xml = report(order)
    const nowS = Math.floor(Date.now() / 1000)
    const scripts: TestBank['script'][] = [
      ({ reply }) => reply(200, xml, { key: ed25519('bank-1').privateKey }),
      ({ reply }) => reply(200, xml, { createdS: nowS - 1_000 }),
      ({ reply }) => reply(200, xml, { contentType: 'text/html' }),
      ({ reply }) => reply(200, xml, { contentType: 'application/json' }),
      ({ response }) => response.writeHead(200, { 'content-type': 'application/xml' }).end(xml),
      ({ response, reply }) => {
        response.setHeader('content-encoding', 'gzip')
        reply(200, xml)
      },
    ]
    for (const script of scripts) {
      bank.script = script
      expect(await send(order)).toMatchObject({ kind: 'unknown', alarm: true })
    }
  })

  it('recorded for an earlier resend of the same order is not taken for this one', async () => {
    const order = makeOrder()
    let recorded: Record<string, string> = {}
    bank.script = ({ reply }) => {
      recorded = reply(200, report(order))
    }
    expect(await send(order)).toMatchObject({ kind: 'settled' })
    bank.script = ({ response }) => response.writeHead(200, recorded).end(report(order))
    expect(await send(order)).toMatchObject({ kind: 'unknown', alarm: true })
  })

  it('is sought by the same bytes each time, under a new signature', async () => {
    const order = makeOrder()
    bank.script = ({ reply }) => reply(200, report(order))
    await send(order)
    await send(structuredClone(order))
    const [first, second] = bank.questions
    expect(second?.body.equals(first?.body ?? Buffer.alloc(0))).toBe(true)
    expect(second?.headers['signature-input']).not.toBe(first?.headers['signature-input'])
  })
})

describe('an inquiry', () => {
  it('names the original and brings back its status', async () => {
    const order = makeOrder({ operation: 'payOut' })
    bank.script = ({ reply }) => reply(200, report(order))
    expect(await bank.rail.inquire(order, signal())).toMatchObject({ kind: 'settled', evidence: { via: 'inquiry' } })
    const asked = bank.questions[0]?.body.toString() ?? ''
    expect(asked).toContain(`<OrgnlMsgId>${order.reference}</OrgnlMsgId><OrgnlMsgNmId>pacs.008.001.08</OrgnlMsgNmId>`)
    expect(asked).not.toContain(`<MsgId>${order.reference}</MsgId>`)
  })

  it('answered by a signed 404 with AG09 finds the payment was never received', async () => {
    const order = makeOrder()
    const never = { status: null, reasons: ['AG09'], amount: null, railReference: null }
    bank.script = ({ reply }) => reply(404, report(order, never))
    expect(await bank.rail.inquire(order, signal())).toMatchObject({ kind: 'not_found' })
    bank.script = ({ response }) =>
      response.writeHead(404, { 'content-type': 'application/xml' }).end(report(order, never))
    expect(await bank.rail.inquire(order, signal())).toMatchObject({ kind: 'unknown', alarm: true })
  })

  it('that does not get through says nothing about the payment', async () => {
    const rail = bank.makeRail({ baseUrl: 'https://bank.invalid' })
    expect(await rail.inquire(makeOrder(), signal())).toMatchObject({ kind: 'unknown' })
  })
})

describe('linking a mandate', () => {
  const request = { reference: 'MND1', iban: 'DE23999999990000000000', holder: 'Wanjiru Kamau', currency: 'KES' }
  const link = () => bank.rail.linkMandate(request, signal())
  const json = (status: number, body: unknown, contentType = 'application/json') => {
    bank.script = ({ reply }) => reply(status, typeof body === 'string' ? body : JSON.stringify(body), { contentType })
  }

  it('posts signed JSON and reads the mandate', async () => {
    json(201, { mandateId: 'M1', dateOfSignature: '2026-11-23', status: 'active' })
    expect(await link()).toEqual({ kind: 'active', mandateId: 'M1', signedOn: '2026-11-23' })
    expect(JSON.parse(bank.questions[0]?.body.toString() ?? '')).toEqual({
      reference: 'MND1',
      account: request.iban,
      holder: request.holder,
      currency: 'KES',
    })
    json(201, { mandateId: 'M1', dateOfSignature: '2026-11-23', status: 'pending' })
    expect(await link()).toEqual({ kind: 'pending', mandateId: 'M1' })
  })

  it('is refused only by a signed refusal of the account', async () => {
    json(404, { code: 'AC01' })
    expect(await link()).toEqual({ kind: 'refused', reason: 'AC01' })
    for (const status of [401, 403, 429, 500]) {
      json(status, { code: 'X' })
      expect(await link()).toMatchObject({ kind: 'unavailable' })
    }
    bank.script = ({ response }) => response.writeHead(404).end()
    expect(await link()).toMatchObject({ kind: 'unavailable' })
  })

  it.each([
    {},
    '{',
    { mandateId: '', dateOfSignature: '2026-11-23', status: 'active' },
    { mandateId: 'M', dateOfSignature: 'today', status: 'active' },
  ])('does not take %j for a mandate', async (body) => {
    json(201, body)
    expect(await link()).toMatchObject({ kind: 'unavailable' })
  })

  it('that times out is unavailable', async () => {
    bank.script = () => {}
    expect(await bank.rail.linkMandate(request, AbortSignal.timeout(200))).toMatchObject({ kind: 'unavailable' })
  })
})

describe('the heartbeat', () => {
  const beat = () => bank.rail.heartbeat(signal())
  const json = (status: number, body: unknown, contentType = 'application/json') => {
    bank.script = ({ reply }) => reply(status, JSON.stringify(body), { contentType })
  }

  it('is a signed GET without a digest, and its answer the bank’s own word', async () => {
    json(200, { status: 'available', time: '2026-11-23T09:00:00.000Z' })
    expect(await beat()).toEqual({ kind: 'available', why: null })
    const [asked] = bank.questions
    expect(asked).toMatchObject({ method: 'GET', targetUri: `${bank.url}/iso20022/heartbeat` })
    expect(asked?.headers).not.toHaveProperty('content-digest')
    expect(asked?.headers['signature-input']).toMatch(/^m=\("@method" "@target-uri"\);created=/)
    json(200, { status: 'degraded', time: '2026-11-23T09:00:00.000Z' })
    expect(await beat()).toMatchObject({ kind: 'degraded' })
  })

  it('that is no such word, not signed, or not there is unavailable', async () => {
    json(200, { status: 'splendid' })
    expect(await beat()).toMatchObject({ kind: 'unavailable' })
    json(503, { status: 'available' })
    expect(await beat()).toMatchObject({ kind: 'unavailable', why: 'status 503' })
    json(200, { status: 'available' }, 'application/xml')
    expect(await beat()).toMatchObject({ kind: 'unavailable' })
    bank.script = ({ response }) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"status":"available"}')
    expect(await beat()).toMatchObject({ kind: 'unavailable' })
    const rail = bank.makeRail({ baseUrl: 'https://bank.invalid' })
    expect(await rail.heartbeat(signal())).toMatchObject({ kind: 'unavailable' })
  })
})

describe('a connector', () => {
  it('lets inquiries through while every connection for payments waits for an answer', async () => {
    const [stuck, asked] = [makeOrder(), makeOrder()]
    bank.script = ({ question, reply }) => {
      if (question.body.includes('FIToFIPmtStsReq')) reply(200, report(asked))
    }
    const rail = bank.makeRail({ connectionsMax: 2 })
    const deadline = new AbortController()
    const sending = Array.from({ length: 6 }, () => rail.send(stuck, { signal: deadline.signal, mayWrite: () => true }))
    await expect.poll(() => bank.questions.length).toBe(2)
    expect(await rail.inquire(asked, signal())).toMatchObject({ kind: 'settled' })
    deadline.abort()
    const kinds = (await Promise.all(sending)).map(({ kind }) => kind)
    expect(kinds.toSorted()).toEqual(['not_sent', 'not_sent', 'not_sent', 'not_sent', 'unknown', 'unknown'])
  })

  it('lets payments through while mandates that nobody answers take every connection of theirs', async () => {
    const order = makeOrder()
    bank.script = ({ question, reply }) => {
      if (question.headers['content-type'] === 'application/xml') reply(200, report(order))
    }
    const rail = bank.makeRail({ connectionsMax: 2 })
    const request = { reference: 'MND1', iban: 'DE23999999990000000000', holder: 'Ann Example', currency: 'KES' }
    const deadline = new AbortController()
    const linking = Array.from({ length: 20 }, () => rail.linkMandate(request, deadline.signal))
    await expect.poll(() => bank.questions.length).toBeGreaterThan(0)
    expect(await rail.send(order, { signal: signal(), mayWrite: () => true })).toMatchObject({ kind: 'settled' })
    deadline.abort()
    for (const answer of await Promise.all(linking)) expect(answer).toMatchObject({ kind: 'unavailable' })
  })

  it('says how many calls it takes: eight for each of its connections', () => {
    expect(bank.makeRail({ connectionsMax: 3 }).profile).toMatchObject({ callsMax: 24, deadlineMs: 8_000 })
  })

  it('counts callbacks by verdict', async () => {
    const registry = new Registry()
    const rail = bank.makeRail({ registry })
    const message = { method: 'POST', targetUri: 'http://x/', headers: {}, body: Buffer.alloc(0) }
    await rail.readCallback(message, () => Promise.resolve(null))
    expect(await registry.metrics()).toContain(
      'mooring_rail_callbacks_total{rail="test-bank",verdict="refused",status="401"} 1',
    )
  })

  it.each(['bank-ca.crt', 'bank-client.crt', 'bank-client.key', 'bank-sign.jwk.json', 'bank-verify.jwk.json'])(
    'without %s does not start and says which key is missing',
    (name) => {
      rmSync(join(bank.keysDir, name))
      expect(() => readIso20022Keys(bank.keysDir)).toThrow(name)
      writeFileSync(join(bank.keysDir, name), '{"kty":"oct","k":"c2VjcmV0"}')
      expect(() => readIso20022Keys(bank.keysDir)).toThrow(name)
      expect(() => readIso20022Keys(bank.keysDir)).not.toThrow('c2VjcmV0')
    },
  )

  it.each(['http://localhost:1', 'https://localhost:1/path', 'localhost', 'https://user@localhost'])(
    'does not speak to %s',
    (baseUrl) => {
      expect(() => bank.makeRail({ baseUrl })).toThrow('https://host')
    },
  )

  it('believes the bank’s next key beside the present one, and neither once it is gone', async () => {
    const next = ed25519('bank-2')
    const order = makeOrder()
    bank.script = ({ reply }) => reply(200, report(order), { key: next.privateKey, keyId: next.id })
    expect(await send(order)).toMatchObject({ kind: 'unknown', alarm: true })
    const jwks = { keys: [JSON.parse(bank.bankKey.publicJwk), JSON.parse(next.publicJwk)] }
    writeFileSync(join(bank.keysDir, 'bank-verify.jwk.json'), JSON.stringify(jwks))
    const both = bank.makeRail({ keys: readIso20022Keys(bank.keysDir) })
    expect(await both.send(order, { signal: signal(), mayWrite: () => true })).toMatchObject({ kind: 'settled' })
    // The one key's id on the other's signature is a forgery.
    bank.script = ({ reply }) => reply(200, report(order), { key: next.privateKey })
    expect(await both.send(order, { signal: signal(), mayWrite: () => true })).toMatchObject({ kind: 'unknown' })
    bank.script = ({ reply }) => reply(200, report(order))
    expect(await both.send(order, { signal: signal(), mayWrite: () => true })).toMatchObject({ kind: 'settled' })
    writeFileSync(join(bank.keysDir, 'bank-verify.jwk.json'), next.publicJwk)
    const after = bank.makeRail({ keys: readIso20022Keys(bank.keysDir) })
    expect(await after.send(order, { signal: signal(), mayWrite: () => true })).toMatchObject({ kind: 'unknown' })
  })

  it('does not start with two keys under one id', () => {
    const jwk: unknown = JSON.parse(bank.bankKey.publicJwk)
    writeFileSync(join(bank.keysDir, 'bank-verify.jwk.json'), JSON.stringify({ keys: [jwk, jwk] }))
    expect(() => readIso20022Keys(bank.keysDir)).toThrow('bank-verify.jwk.json')
  })

  it('counts its calls by outcome, beside another in the same process', async () => {
    const registry = new Registry()
    const order = makeOrder()
    bank.script = ({ reply }) => reply(200, report(order))
    const rail = bank.makeRail({ registry })
    bank.makeRail({ registry, id: 'second-bank' })
    await rail.send(order, { signal: signal(), mayWrite: () => true })
    expect(await registry.metrics()).toContain(
      'mooring_rail_call_seconds_count{rail="test-bank",call="send",outcome="settled"} 1',
    )
  })
})
