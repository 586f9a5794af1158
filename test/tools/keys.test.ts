import { createHash, X509Certificate } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compactVerify, CompactSign, importJWK, type JWK } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readKeyRing } from '../../src/codec/index.ts'
import { ensureKeys } from '../../tools/keys.ts'

describe('development keys', () => {
  let dir: string
  let keys: string
  const read = (path: string) => readFileSync(join(keys, path), 'utf8').trimEnd()
  const jwk = (path: string) => JSON.parse(read(path)) as JWK
  const certificate = (path: string) => new X509Certificate(read(path))

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'mooring-keys-'))
    keys = join(dir, 'keys')
    await ensureKeys(keys)
  })

  afterAll(() => rmSync(dir, { recursive: true, force: true }))

  it('can be read by their owner alone', () => {
    for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
      const mode = statSync(join(entry.parentPath, entry.name)).mode & 0o777
      expect([entry.name, mode]).toEqual([entry.name, entry.isDirectory() ? 0o700 : 0o600])
    }
  })

  it('are kept from one start to the next, and differ between data directories', async () => {
    const before = read('hub/claim.key')
    await ensureKeys(keys)
    expect(read('hub/claim.key')).toBe(before)
    const other = join(dir, 'other')
    await ensureKeys(other)
    expect(readFileSync(join(other, 'hub/claim.key'), 'utf8').trimEnd()).not.toBe(before)
    rmSync(other, { recursive: true })
  })

  it('are joined by the password of a database role that came later', async () => {
    const [older, path] = [read('postgres/mooring_hub.password'), 'postgres/mooring_ops.password']
    rmSync(join(keys, path))
    await ensureKeys(keys)
    expect(read(path)).toMatch(/^[A-Za-z0-9_-]{43}$/)
    expect(read('postgres/mooring_hub.password')).toBe(older)
  })

  it('are joined by those of the mobile money operator, the same on both sides', async () => {
    rmSync(join(keys, 'hub/gsma.json'))
    await ensureKeys(keys)
    const { account_id, ...client } = JSON.parse(read('sim-gsma/client.json')) as Record<string, string>
    expect(account_id).toBe('mooring')
    expect(JSON.parse(read('hub/gsma.json'))).toEqual(client)
    const before = read('hub/gsma.json')
    await ensureKeys(keys)
    expect(read('hub/gsma.json')).toBe(before)
  })

  it('are joined by the keys of codes, which are the hub’s alone and no others', async () => {
    rmSync(join(keys, 'hub/codes.json'))
    await ensureKeys(keys)
    const ring = readKeyRing(join(keys, 'hub'), 'test', 'codes.json')
    expect(ring.writes).toMatch(/^dev-/)
    expect(() => readKeyRing(join(keys, 'hub'), 'live', 'codes.json')).toThrow('codes.json: key dev-')
    expect(read('hub/codes.json')).not.toBe(read('hub/codec.json'))
    expect(readdirSync(join(keys, 'ops'))).not.toContain('codes.json')
  })

  it('have certificates that verify against the one authority, for their one purpose', () => {
    const ca = certificate('hub/bank-ca.crt')
    expect(read('sim-bank/ca.crt')).toBe(read('hub/bank-ca.crt'))
    const server = certificate('sim-bank/server.crt')
    const client = certificate('hub/bank-client.crt')
    for (const leaf of [server, client]) {
      expect(leaf.checkIssued(ca)).toBe(true)
      expect(leaf.verify(ca.publicKey)).toBe(true)
      expect(leaf.ca).toBe(false)
    }
    expect(server.checkHost('localhost')).toBe('localhost')
    expect(server.checkIP('127.0.0.1')).toBe('127.0.0.1')
    expect(server.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1'])
    expect(client.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2'])
  })

  it('name our client certificate to the bank by its fingerprint', () => {
    const { raw } = certificate('hub/bank-client.crt')
    expect(read('sim-bank/peer-fingerprint')).toBe(createHash('sha256').update(raw).digest('hex'))
  })

  it.each([
    ['hub/bank-sign.jwk.json', 'sim-bank/peer-verify.jwk.json'],
    ['sim-bank/sign.jwk.json', 'hub/bank-verify.jwk.json'],
  ])('%s signs what %s verifies, under the same kid', async (signing, verifying) => {
    expect(jwk(signing).kid).toBe(jwk(verifying).kid)
    expect(jwk(verifying).d).toBeUndefined()
    const signed = await new CompactSign(new TextEncoder().encode('hello'))
      .setProtectedHeader({ alg: 'EdDSA' })
      .sign(await importJWK(jwk(signing), 'EdDSA'))
    const { payload } = await compactVerify(signed, await importJWK(jwk(verifying), 'EdDSA'))
    expect(new TextDecoder().decode(payload)).toBe('hello')
  })

  it('give the operator and the hub the same client, and secrets of full length', () => {
    expect(read('sim-camara/client.json')).toBe(read('hub/camara.json'))
    for (const path of ['hub/claim.key', 'hub/pepper.key', 'hub/camara-callback.key', 'sim-bank/control.token']) {
      expect(Buffer.from(read(path), 'base64url')).toHaveLength(32)
    }
  })
})
