import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { makeCamaraRail } from '../../src/rails/camara/index.ts'
import type { Rail, RailOutcome, SendOptions } from '../../src/rails/port.ts'
import { CALLBACK_KEY, makeChargeOrder } from './support/camara.ts'

/** What leaves this house and what does not: rule 7 of payments.md, over plain HTTP with a scripted operator. */

type Question = { method: string; path: string; headers: IncomingMessage['headers']; body: string }
type Script = (question: Question, response: ServerResponse, socket: Socket) => unknown

let server: Server
let rail: Rail
let script: Script
let tokens: number
const questions: Question[] = []

beforeEach(async () => {
  tokens = 0
  questions.length = 0
  server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
    request.on('end', () => {
      if (request.url === '/oauth2/token') {
        tokens += 1
        json(response, 200, { access_token: `t${tokens}`, token_type: 'Bearer', expires_in: 300 })
        return
      }
      const question = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, body }
      questions.push(question)
      script(question, response, request.socket)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  rail = makeRail(`http://127.0.0.1:${(server.address() as AddressInfo).port}`) // a TCP server's address
})
afterEach(async () => {
  await rail.close()
  server.closeAllConnections()
  server.close()
})

const makeRail = (baseUrl: string): Rail =>
  makeCamaraRail({
    id: 'demo-mobile',
    baseUrl,
    mode: 'two_step',
    credentials: { clientId: 'mooring', clientSecret: 'secret' },
    callback: { url: 'https://mooring.example/callbacks', key: CALLBACK_KEY },
    clock: { now: () => Date.now(), monotonic: () => performance.now() },
    log: pino({ level: 'silent' }),
    connectionsMax: 2,
    correlator: () => 'correlator-1',
  })

function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}

const send = (more: Partial<SendOptions> = {}, order = makeChargeOrder()): Promise<RailOutcome> =>
  rail.send(order, { signal: AbortSignal.timeout(5_000), mayWrite: () => true, ...more })

const reserved = ({ body }: Question, more: object = {}) => {
  const { amountTransaction } = JSON.parse(body) as { amountTransaction: object } // the connector's own request
  return {
    paymentId: 'P1',
    paymentStatus: 'reserved',
    paymentCreationDate: '2026-11-28T12:00:00Z',
    amountTransaction,
    ...more,
  }
}

it('a request has the headers of the standard, and goes where it should', async () => {
  script = (question, response) => json(response, 201, reserved(question))
  expect(await send()).toMatchObject({ kind: 'settled', memo: { paymentId: 'P1' } })
  expect(questions).toMatchObject([
    {
      method: 'POST',
      path: '/carrier-billing/v0.5/payments/prepare',
      headers: { authorization: 'Bearer t1', 'content-type': 'application/json', 'x-correlator': 'correlator-1' },
    },
  ])
})

describe('not_sent', () => {
  it('is said where mayWrite says that it is too late, and nothing was written', async () => {
    expect(await send({ mayWrite: () => false })).toMatchObject({ kind: 'not_sent' })
    expect(questions).toEqual([])
  })

  it('is said where nobody listens, and where no token can be had', async () => {
    server.closeAllConnections()
    server.close()
    expect(await send()).toMatchObject({ kind: 'not_sent', why: 'no access token' })
  })

  it('is said where the deadline has passed before, and onSent is never told', async () => {
    const onSent = vi.fn()
    expect(await send({ signal: AbortSignal.abort(), onSent })).toMatchObject({ kind: 'not_sent' })
    expect(onSent).not.toHaveBeenCalled()
  })

  it('is said of a call that waited for a connection until its deadline', async () => {
    script = () => undefined
    const busy = [send({ signal: AbortSignal.timeout(1_500) }), send({ signal: AbortSignal.timeout(1_500) })]
    await vi.waitFor(() => expect(questions).toHaveLength(2), { timeout: 10_000 })
    expect(await send({ signal: AbortSignal.timeout(100) })).toMatchObject({ kind: 'not_sent' })
    for (const outcome of await Promise.all(busy)) expect(outcome).toMatchObject({ kind: 'unknown' })
  })

  it('is said of an order that this wire cannot say', async () => {
    const iban = makeChargeOrder({ account: { type: 'iban', iban: 'DE00', holder: 'x' } })
    const orders = [
      iban,
      makeChargeOrder({ operation: 'payOut', step: 'submit' }),
      makeChargeOrder({ step: 'confirm' }),
      makeChargeOrder({ step: 'validate', memo: { paymentId: 'P1' }, input: '123456' }),
      makeChargeOrder({ amountMinor: 0n }),
      makeChargeOrder({ currency: 'XTS' }),
    ]
    for (const order of orders) expect(await send({}, order)).toMatchObject({ kind: 'not_sent' })
    expect(questions).toEqual([])
  })
})

describe('after the first byte', () => {
  it('a deadline resets the connection, and the outcome is unknown', async () => {
    const ended = Promise.withResolvers<string>()
    script = (_question, _response, socket) => {
      socket.on('error', (error) => ended.resolve(String(Reflect.get(error, 'code'))))
      socket.on('close', () => ended.resolve('closed'))
    }
    const onSent = vi.fn()
    expect(await send({ signal: AbortSignal.timeout(200), onSent })).toMatchObject({ kind: 'unknown' })
    expect(onSent).toHaveBeenCalledOnce()
    expect(await ended.promise).toBe('ECONNRESET')
  })

  it.each<[string, boolean, Script]>([
    ['a reset', false, (_question, _response, socket) => socket.destroy()],
    ['a redirect', true, (_question, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()],
    ['an empty 201', true, (_question, response) => response.writeHead(201).end()],
    ['a page', true, (_question, response) => response.writeHead(201, { 'content-type': 'text/html' }).end('<p>')],
    [
      'a compressed body',
      true,
      (question, response) => json(response, 201, reserved(question), { 'content-encoding': 'gzip' }),
    ],
    ['a 200 where 201 is due', true, (question, response) => json(response, 200, reserved(question))],
    ['a 500', false, (_question, response) => json(response, 500, { status: 500, code: 'INTERNAL', message: 'x' })],
    ['a 503 in words', false, (_question, response) => response.writeHead(503).end('busy')],
    [
      'a refusal of another status',
      true,
      (_question, response) =>
        json(response, 403, { status: 404, code: 'CARRIER_BILLING.PAYMENT_DENIED', message: 'x' }),
    ],
    [
      'an id that leads elsewhere',
      true,
      (question, response) => json(response, 201, reserved(question, { paymentId: '../..' })),
    ],
    ['an answer larger than any', false, (_question, response) => json(response, 201, 'x'.repeat(1_100_000))],
  ])('%s is unknown, an alarm: %s', async (_, alarm, answer) => {
    script = answer
    const onSent = vi.fn()
    expect(await send({ onSent })).toMatchObject({ kind: 'unknown', alarm })
    expect(onSent).toHaveBeenCalledOnce()
    expect(questions).toHaveLength(1)
  })
})

describe('a 401', () => {
  it('is answered with the same body and a fresh token, once', async () => {
    script = (question, response) =>
      question.headers.authorization === 'Bearer t1'
        ? json(response, 401, { status: 401, code: 'UNAUTHENTICATED', message: 'x' })
        : json(response, 201, reserved(question))
    const onSent = vi.fn()
    expect(await send({ onSent })).toMatchObject({ kind: 'settled' })
    expect(questions.map(({ body }) => body)).toEqual([questions[0]?.body, questions[0]?.body])
    expect(onSent).toHaveBeenCalledOnce()
  })

  it('twice is unknown and an alarm', async () => {
    script = (_question, response) => json(response, 401, { status: 401, code: 'UNAUTHENTICATED', message: 'x' })
    expect(await send()).toMatchObject({ kind: 'unknown', alarm: true })
    expect(questions).toHaveLength(2)
  })

  it('is not answered after the send window, and is unknown', async () => {
    script = (_question, response) => json(response, 401, { status: 401, code: 'UNAUTHENTICATED', message: 'x' })
    let asked = 0
    expect(await send({ mayWrite: () => ++asked === 1 })).toMatchObject({ kind: 'unknown' })
    expect(questions).toHaveLength(1)
  })
})

it('a resend is the same request to the byte', async () => {
  script = (question, response) => json(response, 201, reserved(question))
  const order = makeChargeOrder()
  await send({}, order)
  await send({}, { ...order, sends: 2 })
  expect(questions[1]?.body).toBe(questions[0]?.body)
})

it('orders that hang leave room to ask what became of them, and what an order looks up takes none of it', async () => {
  script = ({ method, path }, response) => {
    // The look of a confirmation hangs too: it belongs to its order.
    const ofConfirm = method === 'GET' && path.includes('/HANGS')
    if (method === 'GET' && !ofConfirm) json(response, 404, { status: 404, code: 'NOT_FOUND', message: 'none' })
    if (path.endsWith('/confirm')) response.writeHead(202).end()
  }
  const deadline = new AbortController()
  const confirm = () => makeChargeOrder({ step: 'confirm', memo: { paymentId: 'HANGS' } })
  // As many as there are connections for orders, and more that wait for one.
  const hanging = [send({ signal: deadline.signal }, confirm()), send({ signal: deadline.signal }, confirm())]
  await vi.waitFor(() => expect(questions).toHaveLength(4), { timeout: 10_000 })
  for (let i = 0; i < 10; i++) hanging.push(send({ signal: deadline.signal }))
  const asked = makeChargeOrder({ step: 'confirm', memo: { paymentId: 'P1' } })
  expect(await rail.inquire(asked, AbortSignal.timeout(5_000))).toMatchObject({ kind: 'unknown', why: /404/ })
  expect(questions.at(-1)).toMatchObject({ method: 'GET', path: '/carrier-billing/v0.5/payments/P1' })
  expect((await rail.heartbeat(AbortSignal.timeout(5_000))).why).toBe('status 404')
  deadline.abort()
  for (const outcome of await Promise.all(hanging)) expect(['unknown', 'not_sent', 'pending']).toContain(outcome.kind)
})
