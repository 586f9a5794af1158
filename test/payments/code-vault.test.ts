import { createSecretKey, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { makeCodeVault } from '../../src/payments/codes/vault.ts'

const key = () => createSecretKey(randomBytes(32))
const OWNER = { device: 'dev_0000000001', number: '123456789' }
const SECRET = randomBytes(32)

describe('the secret of a code', () => {
  const [old, fresh] = [key(), key()]
  const before = makeCodeVault({ writes: 'a.1', keys: new Map([['a.1', old]]) })
  const rotated = makeCodeVault({
    writes: 'b',
    keys: new Map([
      ['a.1', old],
      ['b', fresh],
    ]),
  })

  it('is opened as it was sealed, never sealed twice the same, and lies nowhere in it', () => {
    const [one, two] = [before.seal(SECRET, OWNER), before.seal(SECRET, OWNER)]
    expect(before.open(one, OWNER)).toEqual(SECRET)
    expect(one).not.toBe(two)
    expect(Buffer.from(one.split('.').at(-1) ?? '', 'base64url').includes(SECRET)).toBe(false)
  })

  it('is read after a rotation, under the key that wrote it, and written under the new one', () => {
    expect(rotated.open(before.seal(SECRET, OWNER), OWNER)).toEqual(SECRET)
    expect(rotated.seal(SECRET, OWNER).startsWith('b.')).toBe(true)
    expect(() => before.open(rotated.seal(SECRET, OWNER), OWNER)).toThrow('codes.json has no key b')
  })

  it('is nobody else’s: not another device’s, not another number’s, and not to be altered', () => {
    const sealed = before.seal(SECRET, OWNER)
    expect(() => before.open(sealed, { ...OWNER, device: 'dev_0000000002' })).toThrow()
    expect(() => before.open(sealed, { ...OWNER, number: '123456780' })).toThrow()
    const bytes = Buffer.from(sealed.slice(4), 'base64url')
    for (const at of [0, 12, 43, 44, bytes.length - 1]) {
      const altered = Buffer.from(bytes)
      altered.writeUInt8(altered.readUInt8(at) ^ 1, at)
      expect(() => before.open(`a.1.${altered.toString('base64url')}`, OWNER)).toThrow()
    }
    expect(() => before.open('a.1.', OWNER)).toThrow()
  })
})
