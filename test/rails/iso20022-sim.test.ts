import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { z } from 'zod'
import { makeIban } from '../../src/domain/iban.ts'
import { makeIso20022Rail, readIso20022Keys } from '../../src/rails/iso20022/index.ts'
import type { BankRail, CallbackVerdict, RailOrder, RailOutcome } from '../../src/rails/port.ts'
import { ed25519, makeAuthority, makeOrder, PLATFORM } from './support/bank.ts'
import { startSimulator, writeKeys, type Simulator } from './support/sim.ts'

/**
 * The connector against the bank simulator as a process. The two share no code:
 * what either misread of connectors.md §1 shows here.
 */

const CONTROL_TOKEN = 'control-token-of-this-test'
const Book = z.object({
  data: z.array(
    z.object({ operation: z.string(), amount: z.string(), effect: z.string(), times_requested: z.number() }),
  ),
})

let dir: string
let bank: Simulator
let control: string
let callbacks: Server
let rail: BankRail
const orders = new Map<string, RailOrder>()
const verdicts: CallbackVerdict[] = []

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'mooring-sim-'))
  const authority = await makeAuthority('Sim CA')
  const server = await authority.issue('localhost')
  const client = await authority.issue('mooring')
  const [ours, banks] = [ed25519('mooring-1'), ed25519('bank-1')]
  const hubKeys = writeKeys(dir, 'hub', {
    'bank-ca.crt': authority.certificate,
    'bank-client.crt': client.certificate,
    'bank-client.key': client.key,
    'bank-sign.jwk.json': ours.privateJwk,
    'bank-verify.jwk.json': banks.publicJwk,
  })
  const simKeys = writeKeys(dir, 'sim-bank', {
    'ca.crt': authority.certificate,
    'server.crt': server.certificate,
    'server.key': server.key,
    'sign.jwk.json': banks.privateJwk,
    'peer-verify.jwk.json': ours.publicJwk,
    'peer-fingerprint': new X509Certificate(client.certificate).fingerprint256.replaceAll(':', '').toLowerCase(),
    'control.token': CONTROL_TOKEN,
  })

  let callbackUrl = ''
  callbacks = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const headers = Object.fromEntries(
        Object.entries(request.headers).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
      )
      const targetUri = new URL(request.url ?? '', callbackUrl).href
      const message = { method: request.method ?? '', targetUri, headers, body: Buffer.concat(chunks) }
      void rail
        .readCallback(message, (reference) => Promise.resolve(orders.get(reference) ?? null))
        .then((verdict) => {
          verdicts.push(verdict)
          response.writeHead(verdict.ok ? 204 : verdict.status).end()
        })
    })
  })
  callbacks.listen(0, '127.0.0.1')
  await once(callbacks, 'listening')
  callbackUrl = `http://127.0.0.1:${(callbacks.address() as AddressInfo).port}/v1/rails/iso20022/callbacks` // a TCP server's address

  bank = await startSimulator('sim/bank/main.ts', {
    SIM_DATA: join(dir, 'data'),
    SIM_KEYS: simKeys,
    SIM_CALLBACK_URL: callbackUrl,
  })
  control = `http://127.0.0.1:${bank.controlPort ?? 0}/control`
  rail = makeIso20022Rail({
    id: 'demo-bank',
    baseUrl: `https://localhost:${bank.port}`,
    callbackUrl,
    platform: PLATFORM,
    keys: readIso20022Keys(hubKeys),
    clock: { now: () => Date.now(), monotonic: () => performance.now() },
    log: pino({ level: 'silent' }),
  })
}, 30_000)

afterAll(async () => {
  await rail.close()
  await bank.stop()
  callbacks.closeAllConnections()
  callbacks.close()
  rmSync(dir, { recursive: true })
})

const magic = (nn: number): string => makeIban('DE', `99999999${String(nn).padStart(10, '0')}`)

function orderFor(nn: number, more: Partial<RailOrder> = {}): RailOrder {
  const order = makeOrder({ account: { type: 'iban', iban: magic(nn), holder: 'Wanjiru Kamau' }, ...more })
  orders.set(order.reference, order)
  return order
}

const send = (order: RailOrder, deadlineMs = 5_000): Promise<RailOutcome> =>
  rail.send(order, { signal: AbortSignal.timeout(deadlineMs), mayWrite: () => true })
const inquire = (order: RailOrder): Promise<RailOutcome> => rail.inquire(order, AbortSignal.timeout(5_000))

async function bookOf(order: RailOrder) {
  const response = await fetch(`${control}/book?reference=${order.reference}`, {
    headers: { authorization: `Bearer ${CONTROL_TOKEN}` },
  })
  return Book.parse(await response.json()).data
}

async function rule(body: object): Promise<void> {
  const response = await fetch(`${control}/rules`, {
    method: 'POST',
    headers: { authorization: `Bearer ${CONTROL_TOKEN}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  expect(response.status).toBe(201)
}

const callbacksAbout = (order: RailOrder) =>
  verdicts.flatMap((verdict) =>
    verdict.ok && verdict.statement.reference === order.reference ? [verdict.statement] : [],
  )

/** One movement, of the order's amount, asked for so many times. */
const moved = (order: RailOrder, timesRequested = 1) => [
  {
    operation: order.operation,
    amount: order.amountMinor.toString(),
    effect: 'moved',
    times_requested: timesRequested,
  },
]

it.each(['collect', 'payOut'] as const)('a %s settles, and the bank’s book has it once', async (operation) => {
  const order = orderFor(0, { operation })
  expect(await send(order)).toMatchObject({
    kind: 'settled',
    evidence: { via: 'answer', status: 'ACSC' },
  })
  expect(await bookOf(order)).toEqual(moved(order))
})

it.each(['JPY', 'KWD', 'EUR'])('amounts in %s mean the same on both sides', async (currency) => {
  const order = orderFor(0, { currency, amountMinor: 7n })
  expect(await send(order)).toMatchObject({ kind: 'settled' })
  expect(await bookOf(order)).toEqual(moved(order))
})

it('a customer with a mandate is collected from, one without is not', async () => {
  const iban = makeIban('DE', '123456780000004821')
  const link = () =>
    rail.linkMandate({ reference: 'src4821', iban, holder: 'Zoe Muller', currency: 'KES' }, AbortSignal.timeout(5_000))
  const linked = await link()
  if (linked.kind !== 'active') throw new Error(`mandate is ${linked.kind}`)
  expect(await link()).toEqual(linked)
  const account = { type: 'iban' as const, iban, holder: 'Zoë Müller' }
  const mandate = { id: linked.mandateId, signedOn: linked.signedOn }
  expect(await send(orderFor(0, { account, mandate }))).toMatchObject({ kind: 'settled' })
  const stranger = { type: 'iban' as const, iban: makeIban('DE', '123456780000004822'), holder: 'Someone Else' }
  expect(await send(orderFor(0, { account: stranger, mandate }))).toMatchObject({
    kind: 'declined',
    code: 'source_not_usable',
    reason: 'MD01',
  })
})

it('an account that is none gets no mandate', async () => {
  const request = { reference: 'src1', iban: 'DE00123456780000004821', holder: 'Zoe', currency: 'KES' }
  expect(await rail.linkMandate(request, AbortSignal.timeout(5_000))).toEqual({ kind: 'refused', reason: 'AC01' })
})

it.each([
  [1, 'AM04', 'insufficient_funds'],
  [2, 'AC04', 'source_not_usable'],
  [3, 'AC06', 'source_not_usable'],
  [4, 'AM14', 'limit_exceeded'],
  [5, 'MS02', 'declined_by_payer'],
  [6, 'MD01', 'source_not_usable'],
])('account %i declines with %s, which fails a payment as %s', async (nn, reason, code) => {
  const order = orderFor(nn)
  expect(await send(order)).toMatchObject({ kind: 'declined', reason, code, alarm: false })
  expect(await inquire(order)).toMatchObject({ kind: 'declined', reason, code })
  expect(await bookOf(order)).toEqual([])
})

describe('an answer that does not come or cannot be believed is unknown, and the inquiry tells', () => {
  it.each([
    ['drop_after', 20],
    ['error_after', 25],
    ['malformed', 40],
    ['bad_signature', 41],
    ['wrong amount', 42],
    ['wrong reference', 43],
  ])('%s: it was executed', async (_what, nn) => {
    const order = orderFor(nn)
    expect(await send(order)).toMatchObject({ kind: 'unknown' })
    expect(await inquire(order)).toMatchObject({ kind: 'settled', evidence: { via: 'inquiry' } })
    expect(await bookOf(order)).toEqual(moved(order))
  })

  it('hang_after: it was executed', async () => {
    const order = orderFor(22)
    expect(await send(order, 500)).toMatchObject({ kind: 'unknown', why: 'deadline passed' })
    expect(await inquire(order)).toMatchObject({ kind: 'settled' })
    expect(await bookOf(order)).toEqual(moved(order))
  })

  it.each([
    ['drop_before', 21],
    ['error_before', 24],
    ['hang_before', 23],
  ])('%s: it never was, and never will be', async (_what, nn) => {
    const order = orderFor(nn)
    expect(await send(order, 500)).toMatchObject({ kind: 'unknown' })
    expect(await inquire(order)).toMatchObject({ kind: 'not_found' })
    // The tombstone: the same message arriving late is refused.
    expect(await send(order)).toMatchObject({ kind: 'declined', reason: 'TM01' })
    expect(await bookOf(order)).toEqual([])
  })

  it.each(['truncated', 'html', 'empty', 'bad_schema', 'wrong_type'])('malformed as %s', async (mode) => {
    const order = orderFor(0)
    await rule({ match: { reference: order.reference }, fault: { kind: 'malformed', mode }, times: 1 })
    expect(await send(order)).toMatchObject({ kind: 'unknown' })
    expect(await inquire(order)).toMatchObject({ kind: 'settled' })
  })

  it.each(['wrong_key', 'stale', 'digest', 'missing', 'replayed'])('signed %s', async (mode) => {
    const order = orderFor(0)
    await rule({ match: { reference: order.reference }, fault: { kind: 'bad_signature', mode }, times: 1 })
    expect(await send(order)).toMatchObject({ kind: 'unknown', alarm: true })
    expect(await inquire(order)).toMatchObject({ kind: 'settled' })
  })

  it('a first send answered as a duplicate', async () => {
    const order = orderFor(0)
    await rule({ match: { reference: order.reference }, fault: { kind: 'duplicate_answer' }, times: 1 })
    expect(await send(order)).toMatchObject({ kind: 'unknown', alarm: false })
    expect(await inquire(order)).toMatchObject({ kind: 'settled' })
  })
})

it('a resend is the same transaction: the same statement, one movement', async () => {
  const order = orderFor(0)
  const first = await send(order)
  expect(await send(structuredClone(order))).toEqual(first)
  expect(await bookOf(order)).toEqual(moved(order, 2))
})

it('the same reference with other content is refused, and the original stays as it was', async () => {
  const order = orderFor(0)
  await send(order)
  expect(await send({ ...order, amountMinor: order.amountMinor + 1n })).toMatchObject({ kind: 'unknown', alarm: true })
  expect(await inquire(order)).toMatchObject({ kind: 'settled' })
  expect(await bookOf(order)).toEqual(moved(order, 2))
})

it('a message first seen 30 s after it was written is not executed', async () => {
  const order = orderFor(0, { dispatchedAtMs: Date.now() - 30_000 })
  expect(await send(order)).toMatchObject({ kind: 'declined', reason: 'TM01' })
})

describe('a decision that comes later', () => {
  it.each(['settled', 'declined'] as const)('arrives by callback: %s', async (then) => {
    const order = orderFor(0)
    await rule({
      match: { reference: order.reference },
      // oxlint-disable-next-line unicorn/no-thenable -- the control API's word for what follows
      fault: { kind: 'pending', then, after_s: 1, callback: true },
      times: 1,
    })
    expect(await send(order)).toMatchObject({ kind: 'pending' })
    expect(await inquire(order)).toMatchObject({ kind: 'pending', evidence: { via: 'inquiry' } })
    await vi.waitFor(() => expect(callbacksAbout(order)).toHaveLength(1), { timeout: 10_000 })
    expect(callbacksAbout(order)[0]).toMatchObject({ says: { kind: then, evidence: { via: 'callback' } } })
    expect(await inquire(order)).toMatchObject({ kind: then })
  })

  it('fifteen times over is one event', async () => {
    const order = orderFor(30)
    expect(await send(order)).toMatchObject({ kind: 'pending' })
    await vi.waitFor(() => expect(callbacksAbout(order)).toHaveLength(16), { timeout: 10_000 })
    expect(new Set(callbacksAbout(order).map(({ eventId }) => eventId)).size).toBe(1)
    expect(await bookOf(order)).toEqual(moved(order))
  })
})
