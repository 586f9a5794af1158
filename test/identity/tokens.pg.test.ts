import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { exportJWK, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readIdentityKeys } from '../../src/identity/index.ts'
import {
  ask,
  bodyOf,
  codeOf,
  enrol,
  hubKeys,
  makeKey,
  openStage,
  PROOF,
  systemClock,
  tokenOf,
  tokenReply,
  type Enrolled,
  type Stage,
  type TestKey,
} from './stage.ts'

let stage: Stage
let phone: Enrolled
let token: string
beforeAll(async () => {
  stage = await openStage()
  phone = await enrol(stage)
  token = await tokenOf(stage.identity, phone)
})
afterAll(() => stage.close())

async function codeOfToken(text: string): Promise<string> {
  const result = await stage.identity.authenticate(text)
  return result.ok ? 'ok' : result.error.code
}

describe('getting an access token', () => {
  it('takes a fresh nonce signed by the device, once', async () => {
    const { nonce = '' } = bodyOf(await ask(stage.identity.handlers['identity.nonce'], {}))
    const first = await tokenReply(stage.identity, phone, { nonce })
    expect(bodyOf(first).expires_in).toBe(900)
    expect(codeOf(await tokenReply(stage.identity, phone, { nonce }))).toBe('unauthenticated')
  })

  it('gives one token for a nonce used ten times at once', async () => {
    const { nonce = '' } = bodyOf(await ask(stage.identity.handlers['identity.nonce'], undefined))
    const replies = await Promise.all(Array.from({ length: 10 }, () => tokenReply(stage.identity, phone, { nonce })))
    expect(replies.filter((reply) => reply.ok)).toHaveLength(1)
  })

  it('refuses a nonce past its time and one we never gave', async () => {
    const { nonce = '' } = bodyOf(await ask(stage.identity.handlers['identity.nonce'], undefined))
    await stage.admin`update nonces set expires_at = clock_timestamp()`
    expect(codeOf(await tokenReply(stage.identity, phone, { nonce }))).toBe('unauthenticated')
    expect(codeOf(await tokenReply(stage.identity, phone, { nonce: 'A'.repeat(43) }))).toBe('unauthenticated')
  })

  it('refuses another key, and leaves the nonce for its owner', async () => {
    const { nonce = '' } = bodyOf(await ask(stage.identity.handlers['identity.nonce'], undefined))
    expect(codeOf(await tokenReply(stage.identity, phone, { nonce, key: await makeKey() }))).toBe('unauthenticated')
    expect(codeOf(await tokenReply(stage.identity, phone, { nonce }))).toBe('ok')
  })

  it('refuses a device that is unknown or revoked, alike', async () => {
    const revoked = await enrol(stage)
    await stage.admin`update devices set status = 'revoked' where id = ${revoked.device}`
    const unknown = { ...phone, device: 'dev_0000000000000000000000' }
    const [a, b] = [await tokenReply(stage.identity, revoked), await tokenReply(stage.identity, unknown)]
    expect(a.ok ? null : { ...a.error, request_id: '' }).toEqual(b.ok ? null : { ...b.error, request_id: '' })
    expect(codeOf(a)).toBe('unauthenticated')
  })
})

describe('an access token', () => {
  it('names its user, device and key', async () => {
    const result = await stage.identity.authenticate(token)
    expect(result).toMatchObject({
      ok: true,
      value: { user: phone.user, device: phone.device, deviceStatus: 'active' },
    })
  })

  it('is good at another hub with the same keys', async () => {
    const other = await stage.another()
    expect((await other.authenticate(token)).ok).toBe(true)
  })

  it('ends at its time, by the hub’s clock', async () => {
    let offset = 0
    const hub = await stage.another({ clock: { ...systemClock, now: () => Date.now() + offset } })
    expect((await hub.authenticate(token)).ok).toBe(true)
    offset = 901_000
    expect((await hub.authenticate(token)).ok).toBe(false)
  })

  it('of the other environment is refused', async () => {
    const live = await stage.another({ env: 'live' })
    expect((await live.authenticate(token)).ok).toBe(false)
  })

  it('signed by another hub’s key is refused, also with our key’s id in it', async () => {
    const keys = await hubKeys()
    const stranger = await stage.another({ keys: await readIdentityKeys(keys.dir) })
    expect(await codeOfToken(await tokenOf(stranger, phone))).toBe('unauthenticated')
    keys.remove()
  })

  it.each([
    ['of algorithm none', (t: string) => `${b64({ alg: 'none', typ: 'at+jwt', kid: 'tokens-1' })}.${t.split('.')[1]}.`],
    ['with an altered subject', (t: string) => alter(t, { sub: 'usr_0000000000000000000000' })],
    ['cut short', (t: string) => t.slice(0, -4)],
    ['that is no token', () => 'abc'],
    ['that is empty', () => ''],
    ['that is huge', () => 'a'.repeat(100_000)],
  ])('%s is refused', async (_what, twist) => {
    expect(await codeOfToken(twist(token))).toBe('unauthenticated')
  })

  it('signed with HMAC by our public key as secret is refused', async () => {
    const keys = await readIdentityKeys(stage.keysDir)
    const secret = Buffer.from(JSON.stringify(await exportJWK(keys.token.verify)))
    const forged = await new SignJWT(claimsOf(token))
      .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: keys.token.kid })
      .sign(secret)
    expect(await codeOfToken(forged)).toBe('unauthenticated')
  })

  it('stops working within two seconds of its device’s revocation, with the caches warm', async () => {
    const lost = await enrol(stage)
    const lostToken = await tokenOf(stage.identity, lost)
    expect(await codeOfToken(lostToken)).toBe('ok')
    await stage.admin`update devices set status = 'revoked' where id = ${lost.device}`
    const start = performance.now()
    await expect.poll(() => codeOfToken(lostToken), { timeout: 5_000, interval: 20 }).toBe('forbidden')
    expect(performance.now() - start).toBeLessThan(2_000)
  })

  it('of a restricted device says so until the restriction ends by itself', async () => {
    const second = await enrol(stage, phone.phone)
    const text = await tokenOf(stage.identity, second)
    let offset = 0
    const hub = await stage.another({ clock: { ...systemClock, now: () => Date.now() + offset } })
    expect(await hub.authenticate(text)).toMatchObject({ ok: true, value: { deviceStatus: 'restricted' } })
    const later = await stage.another({ clock: { ...systemClock, now: () => Date.now() + 73 * 3_600_000 } })
    offset = 73 * 3_600_000
    const renewed = await tokenOf(later, second)
    expect(await hub.authenticate(renewed)).toMatchObject({ ok: true, value: { deviceStatus: 'active' } })
  })

  it('of a restricted device goes ahead as soon as that is approved, though it was read a moment ago', async () => {
    const second = await enrol(stage, phone.phone)
    const text = await tokenOf(stage.identity, second)
    expect(await stage.identity.authenticate(text)).toMatchObject({ ok: true, value: { deviceStatus: 'restricted' } })
    await stage.admin`update devices set status = 'active', restricted_until = null where id = ${second.device}`
    expect(await stage.identity.authenticate(text)).toMatchObject({ ok: true, value: { deviceStatus: 'active' } })
  })

  it('costs less than a tenth of a millisecond once known', async () => {
    await stage.identity.authenticate(token)
    const rounds = 2_000
    const start = performance.now()
    for (let i = 0; i < rounds; i++) await stage.identity.authenticate(token)
    expect((performance.now() - start) / rounds).toBeLessThan(0.1)
  })
})

describe('opening a session', () => {
  const nonce = 'N'.repeat(43)
  const claims = (more: object = {}) => ({
    aud: 'mooring:socket',
    nonce,
    ath: createHash('sha256').update(token).digest('base64url'),
    ...more,
  })
  const open = async (proof: string | undefined, more: object = {}) =>
    ask(
      stage.identity.handlers['session.open'],
      { nonce, ...(proof === undefined ? {} : { proof }), ...more },
      {
        credential: { type: 'device', token },
      },
    )
  const sign = (payload: unknown, key: TestKey = phone.key, header: object = {}) =>
    key.sign(payload, { typ: PROOF, kid: phone.device, ...header })

  it('takes the device’s proof over nonce and token', async () => {
    const opened = bodyOf(await open(await sign(claims())))
    expect(opened).toMatchObject({ user: phone.user, device: phone.device, env: 'test' })
    expect(Date.parse(opened.expiresAt ?? '')).toBeGreaterThan(Date.now() + 800_000)
    const [row] = await stage.admin<{ seen: boolean }[]>`
      select last_seen_at is not null as seen from devices where id = ${phone.device}`
    expect(row?.seen).toBe(true)
  })

  it('takes a proof over the Origin the edge saw', async () => {
    const origin = 'https://wallet.example'
    expect(codeOf(await open(await sign(claims({ origin })), { origin }))).toBe('ok')
  })

  it.each<
    [
      string,
      (sign: (payload: unknown, key?: TestKey, header?: object) => Promise<string>) => Promise<string | undefined>,
      object,
    ]
  >([
    ['without a proof', async () => undefined, {}],
    ['with another key’s proof', async (s) => s(claims(), await makeKey()), {}],
    ['over another nonce', async (s) => s(claims({ nonce: 'M'.repeat(43) })), {}],
    ['over another token', async (s) => s(claims({ ath: 'x' })), {}],
    ['over another audience', async (s) => s(claims({ aud: 'mooring:token' })), {}],
    [
      'over another origin',
      async (s) => s(claims({ origin: 'https://evil.example' })),
      { origin: 'https://wallet.example' },
    ],
    ['over no origin where the edge saw one', async (s) => s(claims()), { origin: 'https://wallet.example' }],
    ['over an origin where the edge saw none', async (s) => s(claims({ origin: 'https://wallet.example' })), {}],
    ['with a claim nobody knows', async (s) => s(claims({ admin: true })), {}],
    ['with another device’s kid', async (s) => s(claims(), phone.key, { kid: 'dev_0000000000000000000000' }), {}],
    ['with another typ', async (s) => s(claims(), phone.key, { typ: 'mooring-confirm+jwt' }), {}],
    ['with a text for a proof', async () => 'not a proof', {}],
  ])('%s is unauthenticated', async (_what, proof, more) => {
    expect(codeOf(await open(await proof(sign), more))).toBe('unauthenticated')
  })

  it('without a device’s token is unauthenticated', async () => {
    const body = { nonce, proof: await sign(claims()) }
    expect(codeOf(await ask(stage.identity.handlers['session.open'], body))).toBe('unauthenticated')
  })
})

describe('keys', () => {
  it('that are missing or short keep the hub from starting', async () => {
    const keys = await hubKeys()
    writeFileSync(join(keys.dir, 'pepper.key'), 'c2hvcnQ')
    await expect(readIdentityKeys(keys.dir)).rejects.toThrow('pepper.key')
    keys.remove()
    await expect(readIdentityKeys(keys.dir)).rejects.toThrow('tokens.jwk.json')
  })
})

function b64(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function claimsOf(text: string): Record<string, string> {
  return JSON.parse(Buffer.from(text.split('.')[1] ?? '', 'base64url').toString()) as Record<string, string> // our own token
}

function alter(text: string, claims: object): string {
  const [header = '', , signature = ''] = text.split('.')
  return `${header}.${b64({ ...claimsOf(text), ...claims })}.${signature}`
}
