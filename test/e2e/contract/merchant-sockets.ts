import { expect, test } from 'vitest'
import { z } from 'zod'
import { random, type Json } from '../support/raw-key.ts'
import { paymentOf } from '../support/raw-phone.ts'
import { granted, http, text, type Answer } from '../support/raw-rest.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { aText, type Stage } from '../support/raw-stage.ts'

const Payment = z.looseObject({
  id: z.string(),
  status: z.string(),
  version: z.number(),
  payer: z.string().nullable(),
  source: z.record(z.string(), z.unknown()).nullable(),
})

/** Merchants on the socket, and their stores. */
export function merchantSockets(stage: () => Stage): void {
  const as = (secretKey: string, path: string, body?: unknown, key: string | null = random(18)): Promise<Answer> =>
    http(`${stage().dev.bridge}${path}`, {
      headers: {
        authorization: `Bearer ${secretKey}`,
        ...(body === undefined || key === null ? {} : { 'idempotency-key': key }),
      },
      ...(body === undefined ? {} : { body }),
    })
  const tokenOf = async (secretKey: string, store?: string) =>
    text(granted(await as(secretKey, '/socket_tokens', store === undefined ? {} : { store })), 'token')
  const said = ({ status, json }: Answer) => `${String(status)} ${z.string().catch('ok').parse(json['code'])}`

  async function hello(token: string, more: Json = {}): Promise<RawSocket> {
    const socket = await RawSocket.open(stage().dev.edge[0] ?? '')
    await socket.frame('challenge', ({ t }) => t === 'challenge')
    socket.send({ t: 'hello', token, agent: 'till/1', ...more })
    return socket
  }
  async function open(token: string): Promise<RawSocket> {
    const socket = await hello(token)
    await socket.frame('ready', ({ t }) => t === 'ready')
    await socket.frame('the last part of the snapshot', ({ t, last }) => t === 'snapshot' && last === true)
    return socket
  }
  const told = (socket: RawSocket, id: string) =>
    socket.frames.flatMap(({ name, body }) => {
      const payment = name === 'payment.updated' ? Payment.parse(body) : null
      return payment?.id === id ? [payment] : []
    })

  test('a merchant and its store see each status of a payment in order, as the merchant sees it', async () => {
    const { anna, merchant } = stage()
    const key = merchant.secret_key
    const sockets = [await open(await tokenOf(key)), await open(await tokenOf(key, merchant.store))]
    const bill = await stage().bill({ store: merchant.store, metadata: { table: '7' } })
    await stage().pay(anna, bill)
    const seen = granted(await as(key, `/payments/${bill.id}`))
    for (const socket of sockets) {
      await socket.frame(
        'succeeded',
        ({ body }) => told(socket, bill.id).at(-1)?.status === 'succeeded' && body !== null,
      )
      const states = told(socket, bill.id)
      expect(states.map(({ version, status }) => `${String(version)} ${status}`)).toEqual([
        '1 requires_confirmation',
        '2 processing',
        '3 succeeded',
      ])
      expect(states.at(-1)).toEqual(seen)
      expect(states.at(-1)).toMatchObject({
        fee: aText,
        metadata: { table: '7' },
        source: { type: 'wallet', label: 'Wallet' },
      })
      expect(JSON.stringify(socket.frames)).not.toContain(anna.user)
      const seqs = socket.frames.flatMap(({ t, seq }) => (t === 'event' ? [seq] : []))
      expect(seqs).toEqual(seqs.map((_, i) => Number(seqs[0]) + i))
      await socket.close()
    }
  })

  test('ready names merchant and store, and a cursor goes on where it was', async () => {
    const { anna, merchant } = stage()
    const token = await tokenOf(merchant.secret_key, merchant.store)
    const first = await open(token)
    const ready = await first.frame('ready', ({ t }) => t === 'ready')
    expect(ready).toMatchObject({ merchant: merchant.id, store: merchant.store, env: 'test' })
    expect(ready).not.toHaveProperty('user')
    const Head = z.looseObject({ epoch: z.string(), seq: z.number() })
    const { epoch, seq } = Head.parse(z.record(z.string(), z.unknown()).parse(ready['feeds'])[merchant.store])
    await first.cut()
    const bill = await stage().bill({ store: merchant.store })
    await stage().pay(anna, bill)
    const second = await hello(token, { feeds: { [merchant.store]: { epoch, seq } } })
    await second.frame('succeeded', () => told(second, bill.id).at(-1)?.status === 'succeeded')
    expect(told(second, bill.id).map(({ version }) => version)).toEqual([1, 2, 3])
    await second.close()
  })

  test('a refund is told to its merchant', async () => {
    const { anna, merchant } = stage()
    const socket = await open(await tokenOf(merchant.secret_key))
    const bill = await stage().bill()
    await stage().pay(anna, bill)
    const { id } = granted(
      await as(merchant.secret_key, '/refunds', { payment: bill.id, amount: '100', reason: 'cold' }),
    )
    const refund = await socket.frame('refund', ({ name, body }) => {
      const is = z.looseObject({ id: z.string(), status: z.string() }).safeParse(body)
      return name === 'refund.updated' && is.data?.id === id && is.data?.status === 'succeeded'
    })
    expect(refund['body']).toMatchObject({ reason: 'cold', amount: '100' })
    await socket.close()
  })

  test('another merchant’s feed closes 4504, a token that is none 4501, a proof with it 4501', async () => {
    const { anna, merchant, otherMerchant } = stage()
    const token = await tokenOf(merchant.secret_key)
    for (const feed of [otherMerchant.id, otherMerchant.store, merchant.store, anna.user]) {
      const socket = await hello(token, { feeds: { [feed]: { epoch: 'e', seq: 0 } } })
      expect([feed, await socket.closed]).toEqual([feed, 4504])
    }
    expect(await (await hello(`${token.slice(0, -4)}AAAA`)).closed).toBe(4501)
    expect(await (await hello(merchant.secret_key)).closed).toBe(4501)
    expect(await (await hello(token, { proof: 'a.b.c' })).closed).toBe(4501)
  })

  test('a merchant’s socket asks nothing: forbidden, and nothing changed', async () => {
    const { anna, merchant } = stage()
    const bill = await stage().bill()
    const socket = await open(await tokenOf(merchant.secret_key))
    const body = await stage().confirmBody(anna, bill)
    await stage().unchanged([anna], [bill], async () => {
      for (const [name, asked] of [
        ['payment.confirm', body],
        ['payment.cancel', { payment: bill.id }],
        ['payment.get', { payment: bill.id }],
        ['wallet.balances', {}],
      ] as const) {
        const { ok, error } = await socket.command(name, asked, random(18))
        expect([name, ok, error?.code]).toEqual([name, false, 'forbidden'])
      }
      expect((await socket.command('no.such', {}, random(18))).error?.code).toBe('unknown_command')
    })
    expect(paymentOf(await anna.ask('payment.confirm', body, random(18))).id).toBe(bill.id)
    await socket.close()
  })

  test('tokens and stores are a merchant’s own', async () => {
    const { merchant, otherMerchant } = stage()
    const [mine, theirs] = [merchant.secret_key, otherMerchant.secret_key]
    const name = `Branch ${random(6)}`
    const made = await as(mine, '/stores', { name })
    expect(made.status).toBe(201)
    const store = text(made.json, 'id')
    expect(granted(await as(mine, `/stores/${store}`))).toEqual(made.json)
    expect(said(await as(theirs, `/stores/${store}`))).toBe('404 not_found')
    expect(said(await as(mine, '/stores/sto_0000000000000000000000'))).toBe('404 not_found')
    expect(said(await as(mine, '/stores', { name }))).toBe('400 invalid_request')
    expect(said(await as(mine, '/stores', {}))).toBe('400 invalid_request')
    expect((await as(mine, '/stores')).text).toContain(store)
    expect((await as(theirs, '/stores')).text).not.toContain(store)
    expect(said(await as(theirs, '/socket_tokens', { store }))).toBe('422 not_found')
    expect(said(await as(mine, '/socket_tokens', { store: otherMerchant.store }))).toBe('422 not_found')
    expect(said(await as(mine, '/socket_tokens', { store: 7 }))).toBe('400 invalid_request')
    expect(said(await as(mine, '/socket_tokens', {}, null))).toBe('400 idempotency_key_missing')
    expect(said(await as('sk_test_0000000000000000000000', '/socket_tokens', {}))).toBe('401 unauthenticated')
    const token = await as(mine, '/socket_tokens', { store })
    expect([token.status, token.json]).toEqual([201, { token: aText, expires_in: 900 }])
    const payment = await as(mine, '/payments', { amount: '700', currency: stage().dev.currency, store })
    expect(payment.json).toMatchObject({ store })
    expect(said(await as(theirs, '/payments', { amount: '700', currency: stage().dev.currency, store }))).toBe(
      '422 not_found',
    )
  })
}
