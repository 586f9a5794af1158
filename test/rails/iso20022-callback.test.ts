import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { HttpMessage, RailOrder } from '../../src/rails/port.ts'
import {
  makeOrder,
  makeRefund,
  paymentReturn,
  report,
  signedCallback,
  startBank,
  type ReportParts,
  type ReturnParts,
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
  return signedCallback(bank.bankKey, targetUri, body, options.signing)
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

describe('a return', () => {
  const returned = (parts: ReturnParts = {}, of = order) => callback(of, { body: paymentReturn(of, parts) })

  it('of the bank about an order of ours says how much came back, and why', async () => {
    expect(await bank.rail.readCallback(returned({ amount: '23.45' }), orders)).toEqual({
      ok: true,
      statement: {
        eventId: 'return:RTR1',
        reference: order.reference,
        says: {
          kind: 'returned',
          amountMinor: 2_345n,
          reason: 'MD06',
          disputed: true,
          evidence: { via: 'callback', id: 'RTR1', status: 'returned MD06', railReference: null },
        },
      },
    })
  })

  it('of all of it, of a payOut, and for a reason in the bank’s own words is one too', async () => {
    const payOut = makeOrder({ operation: 'payOut' })
    const known = () => Promise.resolve(payOut)
    const verdict = await bank.rail.readCallback(returned({ proprietary: 'BOUNCED' }, payOut), known)
    expect(verdict).toMatchObject({
      ok: true,
      statement: { says: { kind: 'returned', amountMinor: 12_345n, reason: 'BOUNCED' } },
    })
  })

  it('repeated is the same event, and another return of the same order is another', async () => {
    const ids = []
    for (const returnId of ['RTR7', 'RTR7', 'RTR8']) {
      const verdict = await bank.rail.readCallback(returned({ returnId, amount: '1.00' }), orders)
      if (verdict.ok) ids.push(verdict.statement.eventId)
    }
    expect(ids).toEqual(['return:RTR7', 'return:RTR7', 'return:RTR8'])
  })

  it('whose id the bank has also given to a status hides neither', async () => {
    const status = await bank.rail.readCallback(callback(order, { parts: { statusId: 'SAME' } }), orders)
    const back = await bank.rail.readCallback(returned({ returnId: 'SAME' }), orders)
    if (!status.ok || !back.ok) throw new Error('refused')
    expect(status.statement.eventId).not.toBe(back.statement.eventId)
  })

  it.each<[string, ReturnParts]>([
    ['more than the original', { amount: '123.46' }],
    ['nothing', { amount: '0.00' }],
    ['another original amount', { originalAmount: '123.46' }],
    ['a total that is not its amount', { total: '1.00' }],
    ['another currency', { currency: 'EUR' }],
    ['an amount with one decimal', { amount: '1.5' }],
    ['another message id', { originalMessageId: 'other' }],
    ['another end-to-end id', { endToEndId: 'other' }],
    ['another UETR', { uetr: '00000000-0000-4000-8000-000000000000' }],
    ['the other direction', { originalMessageName: 'pacs.008.001.08' }],
    ['no reason', { reason: null }],
  ])('with %s is stored as unknown, and somebody looks', async (_what, parts) => {
    const verdict = await bank.rail.readCallback(returned(parts), orders)
    expect(verdict).toMatchObject({ ok: true, statement: { says: { kind: 'unknown', alarm: true } } })
  })

  it('of a refund does not exist', async () => {
    const refund = makeRefund(order)
    const verdict = await bank.rail.readCallback(returned({}, refund), () => Promise.resolve(refund))
    expect(verdict).toMatchObject({ ok: true, statement: { says: { kind: 'unknown', alarm: true } } })
  })

  it('that is forged, foreign or unreadable is refused', async () => {
    const message = returned()
    const more = Buffer.from(Buffer.from(message.body).toString().replaceAll('123.45', '999.99'))
    expect(await bank.rail.readCallback({ ...message, body: more }, orders)).toMatchObject({ ok: false, status: 401 })
    const stranger = makeOrder()
    expect(await bank.rail.readCallback(returned({}, stranger), orders)).toMatchObject({ ok: false, status: 404 })
    const bent = paymentReturn(order).replace(/<RtrId>.*?<\/RtrId>/, '')
    expect(await bank.rail.readCallback(callback(order, { body: bent }), orders)).toMatchObject({
      ok: false,
      status: 400,
    })
  })
})
