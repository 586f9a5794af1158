import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { request as httpsRequest } from 'node:https'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { signedHeaders, BankClient, type SignOptions } from '../support/bank-client.ts'
import { collect, field, order } from '../support/bank-messages.ts'
import { BankStage } from '../support/bank-stage.ts'

let stage: BankStage
beforeAll(async () => {
  stage = await BankStage.open()
})
afterAll(() => stage.close())

const nowS = () => Math.floor(Date.now() / 1000)
const PATH = '/iso20022/messages'

test.each<[string, () => SignOptions]>([
  ['another key', () => ({ key: generateKeyPairSync('ed25519').privateKey })],
  ['another key id', () => ({ keyId: 'client-2' })],
  ['another tag', () => ({ tag: 'something-else' })],
  ['a time 301 s ago', () => ({ createdS: nowS() - 302, expiresS: nowS() + 100 })],
  ['a time 301 s ahead', () => ({ createdS: nowS() + 302 })],
  ['an expiry that is over', () => ({ expiresS: nowS() - 1 })],
  ['a lifetime over 300 s', () => ({ expiresS: nowS() + 400 })],
  ['a short nonce', () => ({ nonce: 'abc' })],
  ['the digest of other bytes', () => ({ digest: `sha-256=:${randomBytes(32).toString('base64')}:` })],
  ['its method uncovered', () => ({ components: ['@target-uri', 'content-type', 'content-digest'] })],
  ['its address uncovered', () => ({ components: ['@method', 'content-type', 'content-digest'] })],
  ['its type uncovered', () => ({ components: ['@method', '@target-uri', 'content-digest'] })],
  ['its digest uncovered', () => ({ components: ['@method', '@target-uri', 'content-type'] })],
])('a request signed with %s is refused with 401 and not executed', async (_, options) => {
  const asked = order()
  const answer = await stage.message(collect(asked), options())
  expect(answer).toMatchObject({ status: 401, distrust: null })
  expect(await stage.book(`reference=${asked.reference}`)).toEqual([])
})

test('a request without signature is refused', async () => {
  const asked = order()
  const headers = { 'content-type': 'application/xml' }
  const answer = await stage.client.send('POST', PATH, 'application/xml', collect(asked), { headers })
  expect(answer.status).toBe(401)
  expect(await stage.moves(asked.reference)).toEqual([])
})

test('an algorithm claimed by the message is never believed', async () => {
  const asked = order()
  const uri = `${stage.client.base}${PATH}`
  const headers = signedHeaders(stage.client.keys, 'POST', uri, 'application/xml', collect(asked))
  headers['signature-input'] = (headers['signature-input'] ?? '').replace('ed25519', 'hmac-sha256')
  expect((await stage.client.send('POST', PATH, 'application/xml', collect(asked), { headers })).status).toBe(401)
})

test('a body altered after signing is refused', async () => {
  const asked = order()
  const uri = `${stage.client.base}${PATH}`
  const headers = signedHeaders(stage.client.keys, 'POST', uri, 'application/xml', collect(asked))
  const altered = collect({ ...asked, amount: '999.99' })
  expect((await stage.client.exchange({ method: 'POST', uri, headers, body: altered }, 5_000)).status).toBe(401)
})

test('a request is answered once: the same signature again is refused, also after kill -9', async () => {
  const asked = order()
  const uri = `${stage.client.base}${PATH}`
  const body = collect(asked)
  const headers = signedHeaders(stage.client.keys, 'POST', uri, 'application/xml', body)
  const once = { method: 'POST', uri, headers, body }
  expect((await stage.client.exchange(once, 5_000)).status).toBe(200)
  expect((await stage.client.exchange(once, 5_000)).status).toBe(401)
  await stage.bank.kill()
  await stage.restart()
  expect((await stage.client.exchange(once, 5_000)).status).toBe(401)
  expect(await stage.moves(asked.reference)).toMatchObject([{ times_requested: 1 }])
})

test('a certificate of the right authority but not of this key is refused', async () => {
  const other = new BankClient(stage.keys.stranger, stage.bank.port)
  try {
    const asked = order()
    expect((await other.post(PATH, collect(asked))).status).toBe(401)
    expect(await stage.moves(asked.reference)).toEqual([])
  } finally {
    other.close()
  }
})

test.each([
  ['without a client certificate', {}],
  ['below TLS 1.3', { maxVersion: 'TLSv1.2' as const }],
])('nobody gets in %s', async (_, how) => {
  const { ca, cert, key } = stage.client.keys
  const identity = 'maxVersion' in how ? { cert, key } : {}
  const attempt = new Promise((resolve, reject) => {
    const request = httpsRequest(`${stage.client.base}/iso20022/heartbeat`, { ca, ...identity, ...how, agent: false })
    request.on('error', reject)
    request.on('response', resolve)
    request.end()
  })
  await expect(attempt).rejects.toThrow(/certificate required|ECONNRESET|socket hang up|protocol version/i)
})

test('the heartbeat answers a signed question without a body', async () => {
  const answer = await stage.client.send('GET', '/iso20022/heartbeat', null, '')
  expect(answer).toMatchObject({ status: 200, distrust: null })
  expect(JSON.parse(answer.body)).toMatchObject({ status: 'available' })
})

test('answers are bound to their question: one shown for another does not verify', async () => {
  const first = await stage.collect()
  const second = await stage.collect()
  expect([first.answer.distrust, second.answer.distrust]).toEqual([null, null])
  expect(first.answer.headers['signature-input']).toContain('"signature";req;key="m"')
  expect(field(first.answer.body, 'StsId')).not.toBe(field(second.answer.body, 'StsId'))
})

test('a client that changes its key is known by both, until the old one is taken out', async () => {
  const next = generateKeyPairSync('ed25519')
  const file = join(stage.keys.directory, 'peer-verify.jwk.json')
  const present: unknown = JSON.parse(readFileSync(file, 'utf8'))
  const coming = { ...next.publicKey.export({ format: 'jwk' }), kid: 'client-next' }
  writeFileSync(file, JSON.stringify({ keys: [present, coming] }))
  await stage.bank.terminate()
  await stage.restart()
  const byNext = { key: next.privateKey, keyId: 'client-next' }
  for (const options of [{}, byNext])
    expect(await stage.message(collect(order()), options)).toMatchObject({ status: 200, distrust: null })
  writeFileSync(file, JSON.stringify(coming))
  await stage.bank.terminate()
  await stage.restart()
  expect((await stage.message(collect(order()), byNext)).status).toBe(200)
  expect((await stage.message(collect(order()))).status).toBe(401)
})
