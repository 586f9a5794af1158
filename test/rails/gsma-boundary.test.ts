import { createHash } from 'node:crypto'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, test, vi } from 'vitest'
import { pino } from 'pino'
import { makeGsmaRail } from '../../src/rails/gsma/index.ts'
import type { RailOrder, RailOutcome, SendOptions } from '../../src/rails/port.ts'
import { makeAuthority } from './support/bank.ts'
import { ACCOUNT_ID, magicPhone, makeMoneyOrder, SECRETS } from './support/gsma.ts'
import { json, startScriptedOperator, type ScriptedOperator } from './support/scripted-operator.ts'

/** What leaves, what does not, and what of an answer is believed: over real sockets. */

let operator: ScriptedOperator
beforeEach(async () => {
  operator = await startScriptedOperator()
})
afterEach(() => operator.stop())

const send = (order: RailOrder, options: Partial<SendOptions> = {}): Promise<RailOutcome> =>
  operator.rail.send(order, { signal: AbortSignal.timeout(5_000), mayWrite: () => true, ...options })

const settled = (order: RailOrder) => ({
  transactionReference: 'MM1',
  requestingOrganisationTransactionReference: order.reference,
  type: 'merchantpay',
  transactionStatus: 'completed',
  amount: '123.46',
  currency: 'KES',
  debitParty: [{ key: 'msisdn', value: magicPhone(0) }],
  creditParty: [{ key: 'accountid', value: ACCOUNT_ID }],
})
const refusal = (errorCategory: string, errorCode: string) => ({ errorCategory, errorCode })

describe('an order', () => {
  it('goes out with every header of the profile, and the same bytes when it is sent again', async () => {
    const order = makeMoneyOrder({ dispatchedAtMs: Date.UTC(2026, 10, 28, 12) })
    operator.script = (_, response) => json(response, 201, settled(order))
    await send(order)
    await send({ ...order, sends: 2, memo: { serverCorrelationId: 'x' } })
    const [first, second] = operator.asked
    expect(first).toMatchObject({ method: 'POST', path: '/v1.2/mm/transactions/type/merchantpay' })
    expect(first?.headers).toMatchObject({
      authorization: 'Bearer token-1',
      accept: 'application/json',
      'accept-charset': 'utf-8',
      'content-type': 'application/json',
      'x-correlationid': order.uetr,
      'x-callback-url': `https://pay.example/v1/rails/gsma/callbacks?ref=${order.reference}`,
      'x-api-key': SECRETS.api_key,
      'x-client-id': SECRETS.client_id,
      'x-content-hash': createHash('sha256')
        .update(first?.body ?? '')
        .digest('hex'),
    })
    expect(Math.abs(Date.parse(String(first?.headers['x-date'])) - Date.now())).toBeLessThan(60_000)
    expect(second?.body).toBe(first?.body)
    expect(second?.headers['x-correlationid']).toBe(order.uetr)
    expect(operator.tokens).toBe(1)
  })

  test.each([
    ['for a bank account', { account: { type: 'iban', iban: 'DE23999999990000000000', holder: 'Asha' } }],
    ['of a step that mobile money has not', { step: 'prepare' }],
    ['over nothing', { amountMinor: 0n }],
    ['in a currency nobody knows', { currency: 'XXX' }],
    ['that gives back what has no reference', { operation: 'refund', original: null }],
  ] as const)('%s is not sent', async (_, more) => {
    expect(await send(makeMoneyOrder(more))).toMatchObject({ kind: 'not_sent' })
    expect(operator.asked).toEqual([])
  })

  test.each([
    ['of another content type', 201, { 'content-type': 'text/json' }],
    ['in another charset', 201, { 'content-type': 'application/json; charset=utf-16' }],
    ['compressed', 201, { 'content-type': 'application/json', 'content-encoding': 'gzip' }],
    ['without content type', 201, {}],
    ['that redirects', 307, { 'content-type': 'application/json', location: 'https://elsewhere.example' }],
  ])('with an answer %s is unknown', async (_, status, headers) => {
    const order = makeMoneyOrder()
    operator.script = (_asked, response) => response.writeHead(status, headers).end(JSON.stringify(settled(order)))
    expect(await send(order)).toMatchObject({ kind: 'unknown', alarm: true })
    expect(operator.asked).toHaveLength(1)
  })

  it('with an answer longer than any is unknown', async () => {
    operator.script = (_, response) => json(response, 201, 'x'.repeat(300_000))
    expect(await send(makeMoneyOrder())).toMatchObject({ kind: 'unknown' })
  })
})

describe('an access token', () => {
  it('that is refused is fetched anew, once, and the same order sent again', async () => {
    const order = makeMoneyOrder()
    operator.script = ({ headers }, response) =>
      headers.authorization === 'Bearer token-1'
        ? json(response, 401, refusal('authorisation', 'clientAuthorisationError'))
        : json(response, 201, settled(order))
    const onSent = vi.fn()
    expect(await send(order, { onSent })).toMatchObject({ kind: 'settled' })
    expect(onSent).toHaveBeenCalledOnce()
    expect(operator.asked.map(({ headers, body }) => [headers['x-correlationid'], body])).toEqual([
      [order.uetr, operator.asked[0]?.body],
      [order.uetr, operator.asked[0]?.body],
    ])
  })

  it('that is refused twice leaves the order unknown, and somebody looks', async () => {
    operator.script = (_, response) =>
      json(response, 401, refusal('authorisation', 'requestingPartyAuthorisationError'))
    expect(await send(makeMoneyOrder())).toMatchObject({ kind: 'unknown', alarm: true })
    expect(operator.asked).toHaveLength(2)
  })

  it('that is refused when it is too late to write again leaves the order unknown, never unsent', async () => {
    operator.script = (_, response) => response.writeHead(401).end()
    const mayWrite = vi.fn(() => operator.asked.length === 0)
    expect(await send(makeMoneyOrder(), { mayWrite })).toMatchObject({ kind: 'unknown' })
    expect(operator.asked).toHaveLength(1)
    expect(mayWrite).toHaveBeenCalledTimes(2)
  })

  it('is not at fault where the payer refused', async () => {
    operator.script = (_, response) => json(response, 401, refusal('authorisation', 'requestDeclined'))
    expect(await send(makeMoneyOrder())).toMatchObject({ kind: 'declined', code: 'declined_by_payer' })
    expect([operator.asked.length, operator.tokens]).toEqual([1, 1])
  })

  it('is fetched once for fifty orders at a time, and orders wait for it unsent', async () => {
    const orders = Array.from({ length: 50 }, () => makeMoneyOrder())
    const byId = new Map(orders.map((order) => [order.uetr, order]))
    operator.script = ({ headers }, response) => {
      const order = byId.get(String(headers['x-correlationid']))
      json(response, order === undefined ? 404 : 201, order === undefined ? {} : settled(order))
    }
    const outcomes = await Promise.all(orders.map((order) => send(order)))
    expect(outcomes.every(({ kind }) => kind === 'settled')).toBe(true)
    expect(operator.tokens).toBe(1)
  })
})

describe('before the first byte', () => {
  it('nothing has left where nobody listens', async () => {
    const port = await freePort()
    const rail = railAt(`http://127.0.0.1:${port}/v1.2/mm`)
    const signal = AbortSignal.timeout(5_000)
    expect(await rail.send(makeMoneyOrder(), { signal, mayWrite: () => true })).toMatchObject({ kind: 'not_sent' })
    expect((await rail.inquire(makeMoneyOrder(), signal)).kind).toBe('unknown')
    expect((await rail.heartbeat(signal)).kind).toBe('unavailable')
    await rail.close()
  })

  it('it is asked whether it may, and the connection is kept where it may not', async () => {
    const order = makeMoneyOrder()
    operator.script = (_, response) => json(response, 201, settled(order))
    await send(order)
    for (let n = 0; n < 100; n++)
      expect(await send(order, { mayWrite: () => false })).toMatchObject({ kind: 'not_sent' })
    expect(operator.asked).toHaveLength(1)
    expect(await send(order)).toMatchObject({ kind: 'settled' })
  })

  it('orders wait for a connection, and who gives up waiting has sent nothing', async () => {
    await operator.stop()
    operator = await startScriptedOperator({ connectionsMax: 2 })
    expect(operator.rail.profile.callsMax).toBe(16)
    const hanging: (() => void)[] = []
    operator.script = (_, response) => hanging.push(() => response.writeHead(500).end())
    const running = [send(makeMoneyOrder()), send(makeMoneyOrder())]
    await expect.poll(() => hanging.length).toBe(2)
    const [impatient, patient] = [new AbortController(), makeMoneyOrder()]
    const [givenUp, waiting] = [send(makeMoneyOrder(), { signal: impatient.signal }), send(patient)]
    impatient.abort()
    expect(await givenUp).toMatchObject({ kind: 'not_sent', why: 'deadline passed' })
    expect(hanging).toHaveLength(2)
    operator.script = (_, response) => json(response, 201, settled(patient))
    for (const end of hanging) end()
    expect((await Promise.all(running)).map(({ kind }) => kind)).toEqual(['unknown', 'unknown'])
    expect(await waiting).toMatchObject({ kind: 'settled' })
    expect(operator.asked).toHaveLength(3)
  })
})

describe('after the first byte', () => {
  it('the deadline resets the connection, and the order is unknown', async () => {
    operator.script = () => {}
    const deadline = new AbortController()
    const sending = send(makeMoneyOrder(), { signal: deadline.signal })
    await expect.poll(() => operator.asked.length).toBe(1)
    deadline.abort()
    expect(await sending).toMatchObject({ kind: 'unknown', why: 'deadline passed' })
    await expect.poll(() => operator.closings).toEqual([{ reset: true }])
  })

  it('a connection that breaks leaves the order unknown, and it is not sent again by itself', async () => {
    operator.script = (_, __, socket) => socket.destroy()
    expect(await send(makeMoneyOrder())).toMatchObject({ kind: 'unknown', alarm: false })
    expect(operator.asked).toHaveLength(1)
  })

  it('half an answer is no answer', async () => {
    const order = makeMoneyOrder()
    operator.script = (_, response, socket) => {
      response.writeHead(201, { 'content-type': 'application/json', 'content-length': '1000' })
      response.write(JSON.stringify(settled(order)), () => socket.destroy())
    }
    expect(await send(order)).toMatchObject({ kind: 'unknown' })
  })

  it('orders that hang leave room to ask about them', async () => {
    operator.script = ({ method }, response) => {
      if (method === 'GET') json(response, 200, { serviceStatus: 'degraded', delay: 900 })
    }
    const deadline = new AbortController()
    const hanging = Array.from({ length: 64 }, () => send(makeMoneyOrder(), { signal: deadline.signal }))
    await expect.poll(() => operator.asked.length, { timeout: 10_000 }).toBe(64)
    expect(await operator.rail.heartbeat(AbortSignal.timeout(5_000))).toEqual({
      kind: 'degraded',
      why: 'degraded, 900 ms',
    })
    deadline.abort()
    expect((await Promise.all(hanging)).every(({ kind }) => kind === 'unknown')).toBe(true)
  })
})

describe('over TLS', () => {
  const started = async (trusted: boolean) => {
    const [authority, other] = await Promise.all([makeAuthority('Operator CA'), makeAuthority('Other CA')])
    const { certificate, key } = await authority.issue('localhost')
    await operator.stop()
    const ca = trusted ? authority.certificate : other.certificate
    operator = await startScriptedOperator({ ca }, { cert: certificate, key })
  }

  it('orders settle, and the deadline resets the connection too', async () => {
    await started(true)
    const order = makeMoneyOrder()
    operator.script = (_, response) => json(response, 201, settled(order))
    expect(await send(order)).toMatchObject({ kind: 'settled' })
    operator.script = () => {}
    const deadline = new AbortController()
    const sending = send(makeMoneyOrder(), { signal: deadline.signal })
    await expect.poll(() => operator.asked.length).toBe(2)
    deadline.abort()
    expect(await sending).toMatchObject({ kind: 'unknown' })
    await expect.poll(() => operator.closings.length).toBe(1)
  })

  it('an operator whom nobody we trust vouches for is told nothing', async () => {
    await started(false)
    expect(await send(makeMoneyOrder())).toMatchObject({ kind: 'not_sent' })
    expect([operator.asked.length, operator.tokens]).toEqual([0, 0])
  })
})

test.each([
  'http://operator.example/v1.2/mm',
  'https://user@operator.example/mm',
  'https://operator.example/mm?a=1',
  'ftp://x',
  '',
])('the connector refuses to start with the address %j', (baseUrl) => {
  expect(() => railAt(baseUrl)).toThrow(/https/)
})

function railAt(baseUrl: string) {
  return makeGsmaRail({
    id: 'scripted',
    baseUrl,
    callbackUrl: 'https://pay.example/callbacks',
    accountId: ACCOUNT_ID,
    credentials: { clientId: 'a', clientSecret: 'b', apiKey: 'c', callbackApiKeys: ['d'] },
    clock: { now: () => Date.now(), monotonic: () => performance.now() },
    log: pino({ level: 'silent' }),
  })
}

async function freePort(): Promise<number> {
  const server = createServer((socket: Socket) => socket.destroy())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // a TCP server's address
  await new Promise((resolve) => server.close(resolve))
  return port
}
