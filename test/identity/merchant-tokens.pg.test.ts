import { decodeJwt, SignJWT } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { readIdentityKeys } from '../../src/identity/index.ts'
import { random } from '../e2e/support/raw-key.ts'
import { bodyOf, codeOf, openMerchantStage, type MerchantStage, type Shop } from '../payments/support/merchants.ts'
import { enrol, openStage, tokenOf } from './stage.ts'

/** The token of a merchant's socket: for one feed, for a while, and no longer than the secret key behind it. */
let on: MerchantStage
let shop: Shop
beforeAll(async () => {
  on = await openMerchantStage()
})
beforeEach(async () => {
  shop = await on.shop()
})
afterAll(() => on.close())

type Opened = { merchant: string; store: string | null; expiresAt: string; env: string }

describe('a token for a merchant’s socket', () => {
  test('opens one for all of the merchant, or for a store, without a proof', async () => {
    const all = bodyOf<Opened>(await on.hello(await on.token(shop)))
    expect(all).toMatchObject({ merchant: shop.id, store: null, env: 'test' })
    const one = bodyOf<Opened>(await on.hello(await on.token(shop, shop.store)))
    expect(one).toMatchObject({ merchant: shop.id, store: shop.store })
    const left_ms = Date.parse(one.expiresAt) - Date.now()
    expect(left_ms).toBeGreaterThan(890_000)
    expect(left_ms).toBeLessThanOrEqual(900_000)
  })

  test('is said to last 15 minutes, and is the first one again under the same key', async () => {
    const key = random(18)
    const ask = () => on.server(shop, 'merchant.socket_token', { store: shop.store }, key)
    const first = bodyOf<{ token: string; expires_in: number }>(await ask())
    expect(first.expires_in).toBe(900)
    const again = await ask()
    expect(again).toMatchObject({ ok: true, replayed: true, body: first })
  })

  test('is of a store of one’s own alone', async () => {
    const other = await on.shop('Other')
    for (const store of [other.store, 'sto_0000000000000000000000']) {
      const reply = await on.server(shop, 'merchant.socket_token', { store })
      expect(reply).toMatchObject({ ok: false, error: { code: 'not_found', param: 'store' } })
    }
    expect(codeOf(await on.server(shop, 'merchant.socket_token', { store: 'main' }))).toBe('invalid_request')
    expect(codeOf(await on.server(shop, 'merchant.socket_token', { surprise: 1 }))).toBe('invalid_request')
  })

  test('names no secret key', async () => {
    expect(JSON.stringify(decodeJwt(await on.token(shop)))).not.toContain(shop.secretKey.slice('sk_test_'.length))
  })

  test('is refused with a proof, past its time, of another environment, and altered', async () => {
    const token = await on.token(shop)
    expect(codeOf(await on.hello(token, { proof: 'a.b.c' }))).toBe('unauthenticated')
    const [head = '', claims = '', signature = ''] = token.split('.')
    const forged = JSON.stringify({ ...decodeJwt(token), store: shop.store })
    expect(codeOf(await on.hello([head, Buffer.from(forged).toString('base64url'), signature].join('.')))).toBe(
      'unauthenticated',
    )
    expect(codeOf(await on.hello([head, claims, ''].join('.')))).toBe('unauthenticated')
    on.stage.time.aheadMs = 901_000
    expect(codeOf(await on.hello(token))).toBe('unauthenticated')
    on.stage.time.aheadMs = 0
    expect(codeOf(await on.hello(token))).toBe('ok')
  })

  test.each([
    [
      'its secret key is revoked',
      (of: Shop) => on.stage.books.owner`
      update merchant_keys set revoked_at = clock_timestamp() where merchant = ${of.id}`,
    ],
    [
      'its merchant is closed',
      (of: Shop) => on.stage.books.owner`
      update merchants set status = 'closed' where id = ${of.id}`,
    ],
  ])('ends within two seconds where %s', async (_what, end) => {
    const token = await on.token(shop)
    expect(codeOf(await on.hello(token))).toBe('ok')
    const heads = async () => codeOf(await on.socket(token, 'feed.heads', { feeds: [shop.id] }))
    expect(await heads()).toBe('ok')
    await end(shop)
    const from = performance.now()
    await expect.poll(() => on.hello(token).then(codeOf), { timeout: 5_000, interval: 20 }).toBe('forbidden')
    expect(await heads()).toBe('forbidden')
    expect(performance.now() - from).toBeLessThan(2_000)
    await expect
      .poll(() => on.server(shop, 'merchant.socket_token', {}).then(codeOf), { timeout: 5_000, interval: 20 })
      .toBe('unauthenticated')
  })
})

describe('a phone’s token', () => {
  test('opens nothing without a proof, and a merchant’s is no phone’s', async () => {
    const stage = await openStage()
    const token = await tokenOf(stage.identity, await enrol(stage))
    const hello = stage.identity.handlers['session.open']({
      requestId: 'req_test',
      credential: { type: 'device', token },
      body: { nonce: random(32) },
      deadline: Date.now() + 10_000,
    })
    expect(codeOf(await hello)).toBe('unauthenticated')
    const keys = await readIdentityKeys(stage.keysDir)
    const forged = await new SignJWT({ ...decodeJwt(token), aud: 'mooring:merchant-socket' })
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: keys.token.kid })
      .sign(keys.token.sign)
    const result = await stage.identity.authenticateSocket(forged)
    expect(result.ok ? 'ok' : result.error.code).toBe('unauthenticated')
    await stage.close()
  })

  test('does what a merchant’s is forbidden', async () => {
    const result = await on.identity.authenticate(await on.token(shop))
    expect(result.ok ? 'ok' : result.error.code).toBe('forbidden')
  })
})

describe('stores', () => {
  test('are made once under a key, named once, listed newest first, and nobody else’s', async () => {
    const other = await on.shop('Other')
    const key = random(18)
    const create = (name: string, under = random(18)) => on.server(shop, 'store.create', { name }, under)
    const made = bodyOf<{ id: string; name: string }>(await create('Harbour', key))
    expect(await create('Harbour', key)).toMatchObject({ ok: true, replayed: true, body: made })
    await on.stage.books.owner`delete from idempotency where scope = ${shop.id} and key = ${key}`
    // The answer was lost with what was stored of it: the same request finds the store that it made.
    expect(await create('Harbour', key)).toMatchObject({ ok: true, body: made })
    expect(await create('Harbour')).toMatchObject({ ok: false, error: { code: 'invalid_request', param: 'name' } })
    const second = bodyOf<{ id: string }>(await create('Airport'))
    const list = bodyOf<{ data: { id: string }[]; has_more: boolean }>(
      await on.server(shop, 'store.list', { limit: '2' }),
    )
    expect(list.data.map(({ id }) => id)).toEqual([second.id, made.id])
    expect(list.has_more).toBe(true)
    expect(bodyOf(await on.server(shop, 'store.get', made.id))).toEqual(made)
    expect(codeOf(await on.server(other, 'store.get', made.id))).toBe('not_found')
    const theirs = bodyOf<{ data: { id: string }[] }>(await on.server(other, 'store.list', {}))
    expect(theirs.data.map(({ id }) => id)).toEqual([other.store])
  })
})
