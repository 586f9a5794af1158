import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { SimProcess } from '../support/sim-process.ts'

const directory = mkdtempSync(join(tmpdir(), 'mooring-camara-'))
const controlToken = randomBytes(24).toString('base64url')
const client = { client_id: 'mooring', client_secret: randomBytes(24).toString('base64url') }
const MESSAGE = '{{code}} is your code'
const SCOPE = 'one-time-password-sms:send-validate'
const operator = new SimProcess('sim/camara/main.ts', {
  SIM_KEYS: join(directory, 'keys'),
  SIM_DATA: join(directory, 'data'),
})

beforeAll(async () => {
  mkdirSync(join(directory, 'keys'))
  writeFileSync(join(directory, 'keys/client.json'), JSON.stringify(client))
  writeFileSync(join(directory, 'keys/control.token'), controlToken)
  await operator.start()
})
afterAll(async () => {
  if (operator.alive) await operator.terminate()
  rmSync(directory, { recursive: true, force: true })
})

const url = (path: string) => `http://127.0.0.1:${operator.port}${path}`
const Json = z.record(z.string(), z.unknown())
const Inbox = z.strictObject({
  data: z.array(z.strictObject({ phone: z.string(), text: z.string(), at: z.iso.datetime() })),
})

async function token(form: Record<string, string> = {}, basic = `${client.client_id}:${client.client_secret}`) {
  const response = await fetch(url('/oauth2/token'), {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(basic).toString('base64')}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: SCOPE, ...form }),
  })
  return { status: response.status, body: Json.parse(await response.json()) }
}
const bearer = async () => String((await token()).body['access_token'])

async function call(path: string, body: unknown, headers: Record<string, string> = {}) {
  const authorization = headers['authorization'] ?? `Bearer ${await bearer()}`
  const response = await fetch(url(`/one-time-password-sms/v1/${path}`), {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers, authorization },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text === '' ? null : Json.parse(JSON.parse(text)) }
}

async function control(method: string, path: string, body?: unknown) {
  const init = { method, headers: { authorization: `Bearer ${controlToken}` } }
  const response = await fetch(
    `http://127.0.0.1:${operator.controlPort}/control/${path}`,
    body === undefined ? init : { ...init, body: JSON.stringify(body) },
  )
  const said: unknown = await response.json()
  return { status: response.status, body: said }
}
const inbox = async (phone: string) =>
  Inbox.parse((await control('GET', `sms?phone=${encodeURIComponent(phone)}`)).body).data

let phones = 0
const newPhone = () => `+2547000${String(++phones).padStart(5, '0')}`

async function sent(phone = newPhone()): Promise<{ id: string; code: string; phone: string }> {
  const answer = await call('send-code', { phoneNumber: phone, message: MESSAGE })
  const code = /\d{6}/.exec((await inbox(phone))[0]?.text ?? '')?.[0] ?? ''
  return { id: String(answer.body?.['authenticationId']), code, phone }
}
const validate = (authenticationId: string, code: string) => call('validate-code', { authenticationId, code })
const wrong = (code: string) => (code === '000000' ? '000001' : '000000')

test('a code is sent in the message, read in the inbox and validated once', async () => {
  const { id, code, phone } = await sent()
  const [message] = await inbox(phone)
  expect(message?.text).toBe(`${code} is your code`)
  expect(message?.text.match(/\d{6,}/g)).toEqual([code])
  expect((await validate(id, code)).status).toBe(204)
  const again = await validate(id, code)
  expect([again.status, again.body?.['code']]).toEqual([400, 'ONE_TIME_PASSWORD_SMS.VERIFICATION_EXPIRED'])
})

test('the inbox shows the newest first, also for a plus that was not escaped', async () => {
  const phone = newPhone()
  await sent(phone)
  const { code } = await sent(phone)
  const messages = await inbox(phone)
  expect(messages).toHaveLength(2)
  expect(messages[0]?.text).toContain(code)
  expect((await control('GET', `sms?phone=${phone}`)).body).toEqual({ data: messages })
  expect(await inbox('+19999999999')).toEqual([])
})

test('five tries: four wrong ones may go on, the fifth ends it, and the right code is too late', async () => {
  const { id, code } = await sent()
  const codes: unknown[] = []
  for (let n = 0; n < 5; n++) codes.push((await validate(id, wrong(code))).body?.['code'])
  expect(codes).toEqual([
    ...Array.from({ length: 4 }, () => 'ONE_TIME_PASSWORD_SMS.INVALID_OTP'),
    'ONE_TIME_PASSWORD_SMS.VERIFICATION_FAILED',
  ])
  expect((await validate(id, code)).body?.['code']).toBe('ONE_TIME_PASSWORD_SMS.VERIFICATION_FAILED')
})

test('fifty parallel guesses count as five', async () => {
  const { id, code } = await sent()
  const answers = await Promise.all(Array.from({ length: 50 }, () => validate(id, wrong(code))))
  expect(answers.filter(({ body }) => body?.['code'] === 'ONE_TIME_PASSWORD_SMS.INVALID_OTP')).toHaveLength(4)
  expect((await validate(id, code)).status).toBe(400)
})

test('a code is dead after five minutes', async () => {
  const { id, code } = await sent()
  await control('POST', 'clock', { offset_s: 301 })
  expect((await validate(id, code)).body?.['code']).toBe('ONE_TIME_PASSWORD_SMS.VERIFICATION_EXPIRED')
  await control('POST', 'clock', { offset_s: 0 })
  expect((await validate(id, code)).status).toBe(204)
})

test('codes, used tries and the inbox outlive kill -9', async () => {
  const { id, code, phone } = await sent()
  for (let n = 0; n < 3; n++) await validate(id, wrong(code))
  await operator.kill()
  await operator.start()
  expect(await inbox(phone)).toHaveLength(1)
  expect((await validate(id, wrong(code))).body?.['code']).toBe('ONE_TIME_PASSWORD_SMS.INVALID_OTP')
  expect((await validate(id, code)).status).toBe(204)
})

test.each([
  ['a phone that is not E.164', 'send-code', { phoneNumber: '0700', message: MESSAGE }],
  ['a message without its label', 'send-code', { phoneNumber: '+254700000000', message: 'hello' }],
  ['a message of 161 characters', 'send-code', { phoneNumber: '+254700000000', message: MESSAGE.padEnd(161, 'x') }],
  ['a property nobody knows', 'send-code', { phoneNumber: '+254700000000', message: MESSAGE, extra: 1 }],
  ['a code of 11 characters', 'validate-code', { authenticationId: 'a', code: '12345678901' }],
  ['no body', 'validate-code', ''],
])('%s is an invalid argument', async (_, path, body) => {
  const answer = await call(path, body)
  expect(answer.status).toBe(400)
  expect(answer.body).toMatchObject({ status: 400, code: 'INVALID_ARGUMENT' })
})

test('an unknown authentication is not found', async () => {
  const answer = await validate('00000000-0000-4000-8000-000000000000', '123456')
  expect([answer.status, answer.body?.['code']]).toEqual([404, 'NOT_FOUND'])
})

test('x-correlator comes back, and one with forbidden characters is refused', async () => {
  const good = await call('send-code', { phoneNumber: newPhone(), message: MESSAGE }, { 'x-correlator': 'abc-1/2' })
  expect(good.headers.get('x-correlator')).toBe('abc-1/2')
  const bad = await call('send-code', { phoneNumber: newPhone(), message: MESSAGE }, { 'x-correlator': 'a b' })
  expect(bad.status).toBe(400)
})

test('a token is needed, lives shortly and is for its scope', async () => {
  const body = { phoneNumber: newPhone(), message: MESSAGE }
  const missing = await call('send-code', body, { authorization: 'Bearer nonsense' })
  expect([missing.status, missing.body?.['code']]).toEqual([401, 'UNAUTHENTICATED'])
  const authorization = `Bearer ${await bearer()}`
  await control('POST', 'clock', { offset_s: 301 })
  expect((await call('send-code', body, { authorization })).status).toBe(401)
  await control('POST', 'clock', { offset_s: 0 })
  expect((await call('send-code', body, { authorization })).status).toBe(200)
})

test.each([
  ['a wrong secret', {}, `${client.client_id}:wrong`, 401, 'invalid_client'],
  ['another client', {}, `someone:${client.client_secret}`, 401, 'invalid_client'],
  ['another grant', { grant_type: 'password' }, undefined, 400, 'unsupported_grant_type'],
  ['another scope', { scope: 'everything' }, undefined, 400, 'invalid_scope'],
])('the token endpoint refuses %s', async (_, form, basic, status, error) => {
  expect(await token(form, basic)).toMatchObject({ status, body: { error } })
})

test('readyz is open, the control API is not, and an outage spares it', async () => {
  expect((await fetch(url('/readyz'))).status).toBe(200)
  expect((await fetch(url('/control/sms'))).status).toBe(401)
  await control('POST', 'outage', { seconds: 30, mode: '500' })
  expect((await fetch(url('/oauth2/token'), { method: 'POST' })).status).toBe(500)
  await control('POST', 'outage', { seconds: 30, mode: 'refuse' })
  await expect(fetch(url('/oauth2/token'), { method: 'POST' })).rejects.toThrow()
  await control('POST', 'outage', { seconds: 0, mode: '500' })
  expect((await token()).status).toBe(200)
})
