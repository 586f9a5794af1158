import { createHmac } from 'node:crypto'
import { compactDecrypt, exportJWK, generateKeyPair } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { customerCode } from '../../clients/mobile/index.ts'
import { Patience } from '../../tools/demo/patience.ts'
import type { DevJson } from '../../tools/dev-json.ts'
import { until } from '../support/until.ts'
import { newPhone, newRun } from './support/phone.ts'
import { random, type Json } from './support/raw-key.ts'
import { codeOf as refusalOf, paymentOf, type RawPhone } from './support/raw-phone.ts'
import { granted, http, text, type Answer } from './support/raw-rest.ts'
import { balance, openStage, type Stage } from './support/raw-stage.ts'

/** Customer codes through whole processes, two hubs and two merchants, on the wire as protocol.md has it. */

const STEP_MS = 30_000

let stage: Stage
let close: () => Promise<void>
beforeAll(async () => {
  const opened = await openStage(['--hubs', '2'])
  stage = opened.stage
  close = opened.close
})
afterAll(() => close())

type Maker = { number: string; secret: Uint8Array; noTouchMax: string }

async function register(phone: RawPhone): Promise<Maker> {
  const { publicKey, privateKey } = await generateKeyPair('ECDH-ES', { crv: 'P-256' })
  const { x = '', y = '' } = await exportJWK(publicKey)
  const body = { key: { crv: 'P-256', kty: 'EC', x, y } }
  const action = await phone.action(body, { name: 'code.register' })
  const answer = await phone.must('code.register', { ...body, action }, random(18))
  const { plaintext, protectedHeader } = await compactDecrypt(text(answer, 'secret_jwe'), privateKey)
  expect(protectedHeader).toMatchObject({ alg: 'ECDH-ES', enc: 'A256GCM' })
  expect(plaintext).toHaveLength(32)
  expect(answer['step_s']).toBe(30)
  return { number: text(answer, 'number'), secret: plaintext, noTouchMax: text(answer, 'no_touch_max') }
}

function codeOf({ number, secret }: Maker, steps = 0): string {
  const step = Math.floor(Date.now() / STEP_MS) + steps
  const message = Buffer.concat([Buffer.from(`mooring:code${number}`), Buffer.alloc(8)])
  message.writeBigUInt64BE(BigInt(step), message.length - 8)
  const value = createHmac('sha256', secret).update(message).digest().readBigUInt64BE(0) % 1_000_000_000n
  return `29${number}${value.toString().padStart(9, '0')}`
}

/** Early in a step, so that it does not end while this is asked. */
const early = () => until(() => Date.now() % STEP_MS < STEP_MS / 2, { timeout_ms: STEP_MS })

type Merchant = DevJson['merchants'][number]

function charge(by: Merchant, code: string, amount: string, more: Json = {}, key = random(18)): Promise<Answer> {
  return http(`${stage.dev.bridge}/payments`, {
    headers: { authorization: `Bearer ${by.secret_key}`, 'idempotency-key': key },
    body: { amount, currency: stage.dev.currency, method: { type: 'code', code }, ...more },
  })
}

const said = ({ status, json }: Answer): string => `${status} ${String(json['code'] ?? json['status'])}`

const asked = (phone: RawPhone, id: string) =>
  phone.socket.frame(`${id} to be confirmed`, ({ name, body }) => {
    const view = z.looseObject({ id: z.string(), status: z.string() }).safeParse(body)
    return name === 'payment.updated' && view.data?.id === id && view.data.status === 'requires_action'
  })

test('a code pays the merchant that scanned it, and both see the same end', async () => {
  const phone = await stage.phone('5000')
  const maker = await register(phone)
  expect(maker.noTouchMax).toBe(stage.dev.code_consent_above)
  const made = await charge(stage.merchant, codeOf(maker), '1200', { order_ref: 'till-1' })
  expect(['201 processing', '201 succeeded']).toContain(said(made))
  expect(made.json).toMatchObject({ kind: 'purchase', source: { type: 'wallet' }, order_ref: 'till-1' })
  expect(made.json).not.toHaveProperty('qr')
  expect(text(made.json, 'payer')).not.toBe(phone.user)
  const id = text(made.json, 'id')
  expect(await phone.settled(id)).toMatchObject({ status: 'succeeded', payer: phone.user, payee: stage.merchant.id })
  expect(await balance(phone)).toMatchObject({ available: '3800' })
  const seen = async (by: Merchant) =>
    said(await http(`${stage.dev.bridge}/payments/${id}`, { headers: { authorization: `Bearer ${by.secret_key}` } }))
  expect(await seen(stage.merchant)).toBe('200 succeeded')
  expect(await seen(stage.otherMerchant)).toBe('404 not_found')
  await phone.socket.close()
})

test('of a hundred orders by two merchants at once for one code one is paid', async () => {
  const phone = await stage.phone('100000')
  const code = codeOf(await register(phone))
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, i) =>
      charge(i % 2 === 0 ? stage.merchant : stage.otherMerchant, code, String(100 + i)),
    ),
  )
  const paid = answers.filter(({ status }) => status === 201)
  expect(paid).toHaveLength(1)
  expect(new Set(answers.filter(({ status }) => status !== 201).map(said))).toEqual(new Set(['409 code_used']))
  const { id, amount } = z.looseObject({ id: z.string(), amount: z.string() }).parse(paid[0]?.json)
  await phone.settled(id)
  expect(await balance(phone)).toMatchObject({ available: String(100_000 - Number(amount)) })
  const { data } = await phone.must('payment.list', { limit: 10 })
  expect(
    z
      .array(z.looseObject({ kind: z.string() }))
      .parse(data)
      .filter(({ kind }) => kind === 'purchase'),
  ).toHaveLength(1)
  await phone.socket.close()
})

test('a code is good for its step and the next; the answer under a key stays when it is not any more', async () => {
  const phone = await stage.phone('5000')
  const maker = await register(phone)
  await early()
  const key = random(18)
  const previous = codeOf(maker, -1)
  const first = await charge(stage.merchant, previous, '100', {}, key)
  expect(first.status).toBe(201)
  expect(said(await charge(stage.merchant, codeOf(maker, -2), '100'))).toBe('422 code_invalid')
  expect(said(await charge(stage.merchant, 'no code', '100'))).toBe('422 code_invalid')
  expect(said(await charge(stage.otherMerchant, previous, '100'))).toBe('409 code_used')
  const step = Math.floor(Date.now() / STEP_MS)
  await until(() => Date.now() > (step + 1) * STEP_MS + 1_000, { timeout_ms: 2 * STEP_MS })
  expect(said(await charge(stage.merchant, previous, '100'))).toBe('422 code_invalid')
  const again = await charge(stage.merchant, previous, '100', {}, key)
  expect(again.text).toBe(first.text)
  expect(again.headers.get('idempotency-replayed')).toBe('true')
  await phone.socket.close()
})

test('a code whose payment was refused pays once there is enough', async () => {
  const phone = await stage.phone('100')
  const maker = await register(phone)
  await early()
  const code = codeOf(maker)
  expect(said(await charge(stage.merchant, code, '500'))).toBe('402 insufficient_funds')
  await stage.treasury.transfer(phone.user, '400')
  const paid = await charge(stage.merchant, code, '500')
  expect(paid.status).toBe(201)
  await phone.settled(text(paid.json, 'id'))
  expect(await balance(phone)).toMatchObject({ available: '0' })
  expect(said(await charge(stage.otherMerchant, code, '1'))).toBe('409 code_used')
  await phone.socket.close()
})

test('a larger sum is asked for on the phone, and paid by its yes', async () => {
  const amount = (BigInt(stage.dev.code_consent_above) + 1n).toString()
  const phone = await stage.phone(amount)
  const made = await charge(stage.merchant, codeOf(await register(phone)), amount)
  expect(said(made)).toBe('201 requires_action')
  expect(made.json).toMatchObject({ next_action: { type: 'confirm_on_phone' }, captured_amount: '0' })
  const id = text(made.json, 'id')
  const { body } = await asked(phone, id)
  expect(body).toMatchObject({ next_action: { type: 'confirm_on_phone' }, payee_name: stage.merchant.name, amount })
  const order = { kind: 'purchase' as const, subject: { payment: id }, payee: stage.merchant.id, amount }
  const answer = async (source: string, more: Json = {}) => {
    const confirmation = await phone.confirmation({ ...order, source }, more)
    return phone.ask('payment.respond', { payment: id, step: 'confirm_on_phone', source, confirmation }, random(18))
  }
  expect(refusalOf(await answer('wallet', { payee: stage.otherMerchant.id }))).toBe('signature_mismatch')
  expect(['processing', 'succeeded']).toContain(paymentOf(await answer('wallet')).status)
  expect(await phone.settled(id)).toMatchObject({ status: 'succeeded', captured_amount: amount })
  expect(await balance(phone)).toMatchObject({ available: '0' })
  expect(refusalOf(await answer('wallet'))).toBe('payment_not_confirmable')
  await phone.socket.close()
})

test('the SDK registers, shows a code, and says yes to what is asked by it', async () => {
  const { dev } = stage
  const patience = new Patience(120)
  const { client } = await newPhone(dev, patience, newRun(), 1)
  try {
    const asks = (BigInt(dev.code_consent_above) + 10n).toString()
    await stage.treasury.transfer(client.user, (BigInt(asks) + 500n).toString())
    const maker = await client.registerCode()
    const show = async () => (await customerCode(maker, client.serverNow())).code
    await early()
    const small = granted(await charge(stage.merchant, await show(), '500'))
    const ends: string[] = []
    for await (const { status } of client.payment(text(small, 'id'))) ends.push(status)
    expect(ends.at(-1)).toBe('succeeded')

    const other = await client.registerCode()
    expect(other.number).not.toBe(maker.number)
    expect(said(await charge(stage.merchant, await show(), '1'))).toBe('422 code_invalid')
    const code = await customerCode(other, client.serverNow())
    expect(code.expires_ms % STEP_MS).toBe(0)
    const heard = client.events()
    const large = granted(await charge(stage.merchant, code.code, asks))
    for await (const event of heard) {
      if (event.name !== 'payment.updated' || event.body.id !== large['id']) continue
      expect(event.body.next_action?.type).toBe('confirm_on_phone')
      const { version, status } = await client.confirmOnPhone({ payment: event.body, source: 'wallet' })
      expect([version > event.body.version, ['processing', 'succeeded'].includes(status)]).toEqual([true, true])
      break
    }
    const last: string[] = []
    for await (const { status } of client.payment(text(large, 'id'))) last.push(status)
    expect(last.at(-1)).toBe('succeeded')
    await patience.until('an empty wallet', () => client.balances.get(dev.currency)?.available === '0' || undefined)
  } finally {
    await client.close()
  }
})

test('a phone that may only look has no codes', async () => {
  const { restricted } = stage
  const { publicKey } = await generateKeyPair('ECDH-ES', { crv: 'P-256' })
  const { x = '', y = '' } = await exportJWK(publicKey)
  const body = { key: { crv: 'P-256', kty: 'EC', x, y } }
  const action = await restricted.action(body, { name: 'code.register' })
  expect(refusalOf(await restricted.ask('code.register', { ...body, action }, random(18)))).toBe('device_restricted')
})

test('whoever guesses locks the number, then blocks itself; another merchant goes on with other customers', async () => {
  const [phone, other] = [await stage.phone('1000'), await stage.phone('1000')]
  const [maker, others] = [await register(phone), await register(other)]
  const wrong = (i: number) => {
    const code = codeOf(maker)
    return code.slice(0, 11) + String((Number(code.slice(11)) + i + 1) % 1_000_000_000).padStart(9, '0')
  }
  const guesses = await Promise.all(Array.from({ length: 5 }, (_, i) => charge(stage.otherMerchant, wrong(i), '10')))
  expect(guesses.map(said)).toEqual(Array.from({ length: 5 }, () => '422 code_invalid'))
  const locked = await charge(stage.merchant, codeOf(maker), '10')
  expect(said(locked)).toBe('422 code_invalid')
  expect(locked.json['detail']).toBe(guesses[0]?.json['detail'])

  const more = await Promise.all(Array.from({ length: 100 }, (_, i) => charge(stage.otherMerchant, wrong(i), '10')))
  const codes = more.map(said)
  expect(new Set(codes)).toEqual(new Set(['422 code_invalid', '429 rate_limited']))
  // With the five before, and what other tests of this file have guessed wrong there.
  expect(codes.filter((code) => code === '422 code_invalid').length).toBeLessThanOrEqual(15)
  const blocked = await charge(stage.otherMerchant, codeOf(others), '10')
  expect(said(blocked)).toBe('429 rate_limited')
  expect(Number(blocked.headers.get('retry-after'))).toBeGreaterThan(3_000)
  const paid = granted(await charge(stage.merchant, codeOf(others), '10'))
  await other.settled(text(paid, 'id'))
  await Promise.all([phone, other].map(({ socket }) => socket.close()))
})
