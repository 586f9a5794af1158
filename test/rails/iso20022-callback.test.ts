import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { HttpMessage, RailOrder } from '../../src/rails/port.ts'
import {
  digest,
  makeOrder,
  report,
  signLines,
  startBank,
  type ReportParts,
  type Signing,
  type TestBank,
} from './support/bank.ts'

let bank: TestBank
beforeAll(async () => {
  bank = await startBank()
})
afterAll(() => bank.close())

const CALLBACKS = 'http://127.0.0.1:7200/v1/rails/iso20022/callbacks'

function callback(
  order: RailOrder,
  options: { parts?: ReportParts; body?: string; uri?: string; signing?: Partial<Signing> } = {},
): HttpMessage {
  const body = options.body ?? report(order, options.parts)
  const targetUri = options.uri ?? `${CALLBACKS}?ref=${order.reference}`
  const lines: [string, string][] = [
    ['"@method"', 'POST'],
    ['"@target-uri"', targetUri],
    ['"content-type"', 'application/xml'],
    ['"content-digest"', digest(body)],
  ]
  const by = {
    key: bank.bankKey.privateKey,
    keyId: bank.bankKey.id,
    createdS: Math.floor(Date.now() / 1000),
    ...options.signing,
  }
  const headers = { 'content-type': 'application/xml', 'content-digest': digest(body), ...signLines(lines, by) }
  return { method: 'POST', targetUri, headers, body: Buffer.from(body) }
}

const order = makeOrder()
const orders = (reference: string) => Promise.resolve(reference === order.reference ? order : null)

describe('a callback', () => {
  it('of the bank about an order of ours is a statement', async () => {
    expect(await bank.rail.readCallback(callback(order), orders)).toEqual({
      ok: true,
      statement: {
        eventId: 'STS1',
        reference: order.reference,
        says: {
          kind: 'settled',
          evidence: { via: 'callback', id: 'STS1', status: 'ACSC', railReference: 'ASREF1' },
        },
      },
    })
  })

  it('repeated with a new signature has the same event id', async () => {
    const first = await bank.rail.readCallback(callback(order, { parts: { statusId: 'STS9' } }), orders)
    const again = await bank.rail.readCallback(callback(order, { parts: { statusId: 'STS9' } }), orders)
    expect(first).toEqual(again)
  })

  it('about another amount is stored as unknown, never dropped', async () => {
    const verdict = await bank.rail.readCallback(callback(order, { parts: { amount: '1.00' } }), orders)
    expect(verdict).toMatchObject({ ok: true, statement: { says: { kind: 'unknown', alarm: true } } })
  })

  it('replayed as it was is refused', async () => {
    const message = callback(order)
    expect(await bank.rail.readCallback(message, orders)).toMatchObject({ ok: true })
    expect(await bank.rail.readCallback(message, orders)).toMatchObject({ ok: false, status: 401 })
  })

  it('may be delivered again as it was when we could not look the order up', async () => {
    const message = callback(order)
    await expect(bank.rail.readCallback(message, () => Promise.reject(new Error('no database')))).rejects.toThrow(
      'no database',
    )
    expect(await bank.rail.readCallback(message, orders)).toMatchObject({ ok: true })
  })

  it.each<[string, (message: HttpMessage) => HttpMessage]>([
    [
      'altered',
      (message) => ({ ...message, body: Buffer.from(Buffer.from(message.body).toString().replace('ACSC', 'RJCT')) }),
    ],
    ['sent to another address', (message) => ({ ...message, targetUri: `${CALLBACKS}?ref=other` })],
    ['unsigned', (message) => ({ ...message, headers: { 'content-type': 'application/xml' } })],
  ])('that is %s is refused before it is read', async (_what, bend) => {
    const asked: string[] = []
    const verdict = await bank.rail.readCallback(bend(callback(order)), (reference) => {
      asked.push(reference)
      return orders(reference)
    })
    expect(verdict).toMatchObject({ ok: false, status: 401 })
    expect(asked).toEqual([])
  })

  it.each<[string, Partial<Signing>]>([
    ['too old', { createdS: Math.floor(Date.now() / 1000) - 400, expiresS: Math.floor(Date.now() / 1000) + 400 }],
    ['without a nonce', { nonce: null }],
    ['that leaves its address unsigned', { without: ['"@target-uri"'] }],
    ['by another algorithm', { alg: 'hmac-sha256' }],
  ])('%s is refused', async (_what, signing) => {
    expect(await bank.rail.readCallback(callback(order, { signing }), orders)).toMatchObject({ ok: false, status: 401 })
  })

  it('signed for another host is refused', async () => {
    const uri = `http://elsewhere.example/v1/rails/iso20022/callbacks?ref=${order.reference}`
    expect(await bank.rail.readCallback(callback(order, { uri }), orders)).toMatchObject({ ok: false, status: 401 })
  })

  it.each([CALLBACKS, `${CALLBACKS}?ref=other`, `${CALLBACKS}?ref=${order.reference}&ref=other`])(
    'whose address %s names something else than its message is refused',
    async (uri) => {
      expect(await bank.rail.readCallback(callback(order, { uri }), orders)).toMatchObject({ ok: false, status: 400 })
    },
  )

  it('that is no status report is refused', async () => {
    expect(await bank.rail.readCallback(callback(order, { body: '<html/>' }), orders)).toMatchObject({
      ok: false,
      status: 400,
    })
  })

  it('about a reference we do not know is refused as such', async () => {
    expect(await bank.rail.readCallback(callback(makeOrder()), orders)).toMatchObject({ ok: false, status: 404 })
  })
})
