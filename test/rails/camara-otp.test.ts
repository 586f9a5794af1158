import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeCamaraOtpSender, readCamaraCredentials, type CamaraOtpSender } from '../../src/rails/camara/index.ts'

/** CAMARA one-time-password-sms 1.1.1 against an operator of the test's own. */

type Call = { path: string; headers: IncomingHttpHeaders; body: string }
type Script = (call: Call, response: ServerResponse) => void

let server: Server
let sender: CamaraOtpSender
let baseUrl: string
let calls: Call[]
let script: Script
let tokenScript: Script
let monotonicMs: number
let tokensGiven: number

const json = (response: ServerResponse, status: number, body: object): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
const refuse =
  (status: number, code: string): Script =>
  (_call, response) =>
    json(response, status, { status, code, message: 'x' })
const signal = () => AbortSignal.timeout(5_000)
const send = () => sender.send('+254700000001', signal())
const check = () => sender.check('auth-1', '123456', signal())
const pathsOf = () => calls.map(({ path }) => path)

beforeEach(async () => {
  calls = []
  tokensGiven = 0
  monotonicMs = 0
  script = (_call, response) => json(response, 200, { authenticationId: 'auth-1' })
  tokenScript = (_call, response) =>
    json(response, 200, { access_token: `token-${++tokensGiven}`, token_type: 'Bearer', expires_in: 60 })
  server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const call = { path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString() }
      calls.push(call)
      const answer = call.path === '/oauth2/token' ? tokenScript : script
      answer(call, response)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}` // a TCP server's address
  sender = makeCamaraOtpSender({
    baseUrl,
    credentials: { clientId: 'mooring', clientSecret: 's:ecret' },
    clock: { now: () => Date.now(), monotonic: () => monotonicMs },
    log: pino({ level: 'silent' }),
    correlator: () => 'corr-1',
  })
})
afterEach(async () => {
  server.closeAllConnections()
  await sender.close()
  server.close()
})

describe('sending a code', () => {
  it('posts the number and a text with the label, with a token of the right scope', async () => {
    expect(await send()).toEqual({ kind: 'sent', authenticationId: 'auth-1' })
    const [token, call] = calls
    expect(token?.headers.authorization).toBe(`Basic ${Buffer.from('mooring:s%3Aecret').toString('base64')}`)
    expect(Object.fromEntries(new URLSearchParams(token?.body))).toEqual({
      grant_type: 'client_credentials',
      scope: 'one-time-password-sms:send-validate',
    })
    expect(call?.path).toBe('/one-time-password-sms/v1/send-code')
    expect(call?.headers).toMatchObject({ authorization: 'Bearer token-1', 'x-correlator': 'corr-1' })
    const body: unknown = JSON.parse(call?.body ?? '')
    expect(body).toEqual({ phoneNumber: '+254700000001', message: expect.stringContaining('{{code}}') as string })
  })

  it.each<[string, Script]>([
    ['403', refuse(403, 'ONE_TIME_PASSWORD_SMS.MAX_OTP_CODES_EXCEEDED')],
    ['429', refuse(429, 'TOO_MANY_REQUESTS')],
    ['500', (_call, response) => response.writeHead(500).end('oops')],
    ['a 200 without an id', (_call, response) => json(response, 200, {})],
    ['a 200 with a long id', (_call, response) => json(response, 200, { authenticationId: 'x'.repeat(37) })],
    ['a redirect', (_call, response) => response.writeHead(302, { location: '/elsewhere' }).end()],
    ['a reset', (_call, response) => response.destroy()],
    ['a huge answer', (_call, response) => json(response, 200, { authenticationId: 'a', x: 'x'.repeat(100_000) })],
  ])('answered by %s is unavailable', async (_what, answer) => {
    script = answer
    expect(await send()).toMatchObject({ kind: 'unavailable' })
    expect(pathsOf()).toEqual(['/oauth2/token', '/one-time-password-sms/v1/send-code'])
  })

  it('that takes longer than the caller waits is unavailable', async () => {
    script = () => {}
    expect(await sender.send('+254700000001', AbortSignal.timeout(100))).toEqual({
      kind: 'unavailable',
      why: 'no answer',
    })
  })
})

describe('checking a code', () => {
  it('204 is right', async () => {
    script = (_call, response) => response.writeHead(204).end()
    expect(await check()).toEqual({ kind: 'right' })
    expect(JSON.parse(calls[1]?.body ?? '')).toEqual({ authenticationId: 'auth-1', code: '123456' })
  })

  it.each([
    ['ONE_TIME_PASSWORD_SMS.INVALID_OTP', 'wrong'],
    ['ONE_TIME_PASSWORD_SMS.VERIFICATION_EXPIRED', 'expired'],
    ['ONE_TIME_PASSWORD_SMS.VERIFICATION_FAILED', 'exhausted'],
  ])('%s is %s', async (code, kind) => {
    script = refuse(400, code)
    expect(await check()).toEqual({ kind })
  })

  it.each([
    [400, 'INVALID_ARGUMENT'],
    [400, 'OUT_OF_RANGE'],
    [403, 'ONE_TIME_PASSWORD_SMS.INVALID_OTP'],
    [404, 'NOT_FOUND'],
    [429, 'QUOTA_EXCEEDED'],
    [500, 'INTERNAL'],
    [200, 'OK'],
  ])('%i %s is unavailable', async (status, code) => {
    script = refuse(status, code)
    expect(await check()).toMatchObject({ kind: 'unavailable' })
  })

  it('repeats once when the answer is lost; a refusal then means a new code is needed', async () => {
    let lost = 0
    script = (call, response) => {
      if (lost++ === 0) response.destroy()
      else refuse(400, 'ONE_TIME_PASSWORD_SMS.INVALID_OTP')(call, response)
    }
    expect(await check()).toEqual({ kind: 'expired' })
    lost = 0
    script = (_call, response) => (lost++ === 0 ? response.destroy() : response.writeHead(204).end())
    expect(await check()).toEqual({ kind: 'right' })
    script = (_call, response) => response.destroy()
    expect(await check()).toMatchObject({ kind: 'unavailable' })
  })
})

describe('the access token', () => {
  it('is kept until shortly before it expires', async () => {
    await send()
    monotonicMs = 47_000
    await send()
    expect(tokensGiven).toBe(1)
    monotonicMs = 49_000
    await send()
    expect(tokensGiven).toBe(2)
    expect(calls.at(-1)?.headers.authorization).toBe('Bearer token-2')
  })

  it('is fetched once for callers that come together', async () => {
    expect(await Promise.all([send(), send(), send()])).toHaveLength(3)
    expect(tokensGiven).toBe(1)
  })

  it('refused by 401 is renewed once and the same body sent again', async () => {
    script = (call, response) =>
      call.headers.authorization === 'Bearer token-1'
        ? refuse(401, 'UNAUTHENTICATED')(call, response)
        : json(response, 200, { authenticationId: 'auth-2' })
    expect(await send()).toEqual({ kind: 'sent', authenticationId: 'auth-2' })
    const [first, second] = calls.filter(({ path }) => path.endsWith('send-code'))
    expect(second?.body).toBe(first?.body)
    script = refuse(401, 'UNAUTHENTICATED')
    calls = []
    expect(await send()).toMatchObject({ kind: 'unavailable' })
    expect(calls.filter(({ path }) => path.endsWith('send-code'))).toHaveLength(2)
  })

  it.each<[string, Script]>([
    ['refused', refuse(401, 'invalid_client')],
    [
      'of another type',
      (_call, response) => json(response, 200, { access_token: 't', token_type: 'mac', expires_in: 60 }),
    ],
    ['without an end', (_call, response) => json(response, 200, { access_token: 't', token_type: 'Bearer' })],
    ['never given', (_call, response) => response.destroy()],
  ])('%s leaves nothing sent', async (_what, answer) => {
    tokenScript = answer
    expect(await send()).toMatchObject({ kind: 'unavailable' })
    expect(pathsOf()).toEqual(['/oauth2/token'])
  })
})

it('does not start without its credentials, and does not tell them', () => {
  const dir = mkdtempSync(join(tmpdir(), 'mooring-camara-'))
  expect(() => readCamaraCredentials(dir)).toThrow('camara.json')
  writeFileSync(join(dir, 'camara.json'), '{"client_id":"","client_secret":"hidden"}')
  expect(() => readCamaraCredentials(dir)).toThrow('camara.json')
  expect(() => readCamaraCredentials(dir)).not.toThrow('hidden')
  writeFileSync(join(dir, 'camara.json'), '{"client_id":"a","client_secret":"b"}')
  expect(readCamaraCredentials(dir)).toEqual({ clientId: 'a', clientSecret: 'b' })
  rmSync(dir, { recursive: true })
})
