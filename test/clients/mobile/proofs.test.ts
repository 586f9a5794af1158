import { createHash, randomBytes } from 'node:crypto'
import * as fc from 'fast-check'
import { compactVerify, decodeJwt, decodeProtectedHeader, importJWK } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import { base64url } from '../../../clients/mobile/base64url.ts'
import { generateDeviceKey, type DeviceKey } from '../../../clients/mobile/device-key.ts'
import { deviceKey, exportKeyPair, generateKeyPair, importKeyPair } from '../../../clients/mobile/index.ts'
import { LIMITS } from '../../../clients/mobile/limits.ts'
import {
  action,
  bodyHash,
  confirmation,
  enrolProof,
  renewable,
  socketProof,
  token,
  tokenProof,
  type ConfirmContent,
  type Signer,
} from '../../../clients/mobile/proofs.ts'
import {
  ActionClaims,
  ConfirmClaims,
  DevicePublicKey,
  EnrolProofClaims,
  IdempotencyKey,
  PROOF_MAX_AHEAD_S,
  SocketProofClaims,
  TokenProofClaims,
} from '../../../src/contract/index.ts'

const CONTENT: ConfirmContent = {
  kind: 'purchase',
  payment: 'pay_0000000000000000000001',
  payee: 'mer_0000000001',
  amount: '12345',
  currency: 'KES',
  payer_fee: '0',
  total: '12345',
  source: 'wallet',
  capture_method: 'automatic',
  order_ref: 'A-1001',
}

const { subtle } = globalThis.crypto
let key: DeviceKey
let now_ms = 1_800_000_000_000

const signer = (): Signer => ({
  key,
  user: 'usr_0000000001',
  device: 'dev_0000000001',
  env: 'test',
  random: (n) => randomBytes(n),
  subtle,
  serverNow: () => now_ms,
})

async function verified(jws: string): Promise<unknown> {
  const { payload } = await compactVerify(jws, await importJWK(await key.publicJwk(), 'ES256'))
  return JSON.parse(new TextDecoder().decode(payload))
}

beforeAll(async () => {
  key = await generateDeviceKey()
})

describe('the device key', () => {
  it('shows exactly the public members the server takes', async () => {
    expect(DevicePublicKey.safeParse(await key.publicJwk()).success).toBe(true)
  })

  it('does not let its private part out unless made so', async () => {
    await expect(exportKeyPair(await generateKeyPair())).rejects.toThrow()
  })

  it('is the same key after export and import', async () => {
    const pair = await generateKeyPair({ extractable: true })
    const again = deviceKey(await importKeyPair(await exportKeyPair(pair)))
    expect(await again.publicJwk()).toEqual(await deviceKey(pair).publicJwk())
    const jws = await enrolProof(again, 'enr_0000000001')
    const { payload } = await compactVerify(jws, await importJWK(await deviceKey(pair).publicJwk(), 'ES256'))
    expect(payload.length).toBeGreaterThan(0)
  })
})

describe('proofs', () => {
  it('carry no kid at enrolment, when the device has no id yet', async () => {
    const jws = await enrolProof(key, 'enr_0000000001')
    expect(decodeProtectedHeader(jws)).toEqual({ alg: 'ES256', typ: 'mooring-proof+jwt' })
    expect(EnrolProofClaims.safeParse(await verified(jws)).success).toBe(true)
  })

  it('for a token name the device and the nonce', async () => {
    const jws = await tokenProof(key, 'dev_0000000001', 'n1')
    expect(decodeProtectedHeader(jws).kid).toBe('dev_0000000001')
    const claims = TokenProofClaims.parse(await verified(jws))
    expect(claims).toEqual({ aud: 'mooring:token', sub: 'dev_0000000001', nonce: 'n1' })
  })

  it('for a socket bind nonce, token and origin, and leave out an origin that is not there', async () => {
    const over = { nonce: 'n1', accessToken: 'abc' }
    const proof = (origin: string | undefined) => socketProof(key, 'dev_0000000001', over, { origin, subtle })
    const claims = SocketProofClaims.parse(await verified(await proof('https://wallet.example')))
    expect(claims.ath).toBe(createHash('sha256').update('abc').digest('base64url'))
    expect(claims.origin).toBe('https://wallet.example')
    const without = await verified(await proof(undefined))
    expect(without).not.toHaveProperty('origin')
  })

  it('of a confirmation hold exactly the claims of the contract, each as given', async () => {
    const { jws } = await confirmation(signer(), CONTENT)
    expect(decodeProtectedHeader(jws)).toEqual({ alg: 'ES256', typ: 'mooring-confirm+jwt', kid: 'dev_0000000001' })
    const claims = ConfirmClaims.parse(await verified(jws))
    expect(claims).toMatchObject({ aud: 'mooring:confirm', env: 'test', sub: 'usr_0000000001', ...CONTENT })
    expect(claims.exp - now_ms / 1000).toBeGreaterThan(0)
    expect(claims.exp - now_ms / 1000).toBeLessThanOrEqual(PROOF_MAX_AHEAD_S)
  })

  it('of an action hold the hash of the canonical body', async () => {
    const body = { type: 'bank', bank: 'demo-bank', account: 'DE00' }
    const { jws } = await action(signer(), 'source.link', body)
    const claims = ActionClaims.parse(await verified(jws))
    const canonical = '{"account":"DE00","bank":"demo-bank","type":"bank"}'
    expect(claims.body).toBe(createHash('sha256').update(canonical).digest('base64url'))
  })

  it('never use a jti twice, and each jti and key is of the server’s form', async () => {
    const seen = new Set<string>()
    for (let i = 0; i < 200; i++) {
      const made = token((n) => randomBytes(n))
      expect(IdempotencyKey.safeParse(made).success).toBe(true)
      seen.add(made)
    }
    expect(seen.size).toBe(200)
  })
})

describe('a renewable proof', () => {
  it('is the same signature while it lasts and a new one, with another jti, when it is about to end', async () => {
    now_ms = 1_800_000_000_000
    const next = renewable(signer(), () => confirmation(signer(), CONTENT))
    const first = await next()
    now_ms += (LIMITS.proof_life_s - LIMITS.proof_margin_s) * 1000
    expect(await next()).toBe(first)
    now_ms += 1
    const second = await next()
    expect(decodeJwt(second).jti).not.toBe(decodeJwt(first).jti)
    expect(decodeJwt(second).exp).toBeGreaterThan(decodeJwt(first).exp ?? 0)
  })
})

describe('the body hash', () => {
  const value = fc.oneof(fc.string(), fc.boolean(), fc.integer(), fc.constant(null))

  it('does not depend on the order of members', async () => {
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.string(), value), async (body) => {
        const reversed = Object.fromEntries(Object.entries(body).toReversed())
        expect(await bodyHash(reversed, subtle)).toBe(await bodyHash(body, subtle))
      }),
    )
  })

  it('covers every member but action, pin and old_pin', async () => {
    await fc.assert(
      fc.asyncProperty(fc.dictionary(fc.string(), value), fc.string(), async (body, extra) => {
        const rest = Object.fromEntries(Object.entries(body).filter(([n]) => !['action', 'pin', 'old_pin'].includes(n)))
        expect(await bodyHash({ ...rest, action: extra, pin: extra, old_pin: extra }, subtle)).toBe(
          await bodyHash(rest, subtle),
        )
        expect(await bodyHash({ ...rest, added: `${extra}!` }, subtle)).not.toBe(
          await bodyHash({ ...rest, added: extra }, subtle),
        )
      }),
    )
  })

  it('orders members by UTF-16 code units and escapes as RFC 8785 does', async () => {
    // The example of RFC 8785 §3.2.3, in its sorted order.
    const body = {
      '\u20ac': 'Euro',
      '\r': 'CR',
      '\ufb33': 'Dalet',
      '1': 'One',
      '\u{1f600}': 'Smile',
      '\u0080': 'C',
      ö: 'o',
    }
    const canonical = '{"\\r":"CR","1":"One","\u0080":"C","ö":"o","€":"Euro","😀":"Smile","\ufb33":"Dalet"}'
    expect(await bodyHash(body, subtle)).toBe(createHash('sha256').update(canonical).digest('base64url'))
  })
})

describe('base64url', () => {
  it('equals Node’s own for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(base64url(bytes)).toBe(Buffer.from(bytes).toString('base64url'))
      }),
    )
  })
})
