import canonicalize from 'canonicalize'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { contentHash } from '../../src/identity/index.ts'

const b64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const jws = (claims: unknown, kid = 'dev_1', signature = 'sig') =>
  `${b64({ alg: 'ES256', kid })}.${b64(claims)}.${signature}`

const claims = {
  aud: 'mooring:confirm',
  sub: 'usr_1',
  amount: '100',
  device: 'dev_1',
  jti: 'a'.repeat(16),
  exp: 1,
  iat: 1,
}
const body = { payment: 'pay_1', source: 'wallet', claim: 'c1', pin: '1234', confirmation: jws(claims) }
const hash = contentHash('payment.confirm', body)

const LEFT_OUT = ['pin', 'otp', 'claim']

describe('the content of a command', () => {
  it.each<[string, object]>([
    ['signed anew', { confirmation: jws({ ...claims, jti: 'b'.repeat(16), exp: 2, iat: 2 }, 'dev_1', 'other') }],
    ['signed by another device', { confirmation: jws({ ...claims, device: 'dev_2' }, 'dev_2', 'other') }],
    ['with another claim', { claim: 'c2' }],
    ['with another PIN', { pin: '4321' }],
    ['with a one-time password', { otp: '123456' }],
    [
      'with its claims in another order',
      { confirmation: jws(Object.fromEntries(Object.entries(claims).toReversed())) },
    ],
  ])('is the same %s', (_what, change) => {
    expect(contentHash('payment.confirm', { ...body, ...change })).toBe(hash)
  })

  it('is the same with its fields in another order', () => {
    expect(contentHash('payment.confirm', Object.fromEntries(Object.entries(body).toReversed()))).toBe(hash)
  })

  it.each<[string, string, object]>([
    ['of another command', 'payment.cancel', body],
    ['with another field', 'payment.confirm', { ...body, source: 'operator' }],
    ['with a further field', 'payment.confirm', { ...body, note: 'x' }],
    ['with another lasting claim', 'payment.confirm', { ...body, confirmation: jws({ ...claims, amount: '101' }) }],
    ['with a proof that cannot be decoded', 'payment.confirm', { ...body, confirmation: 'a.b.c' }],
    [
      'with the bare claims for a proof',
      'payment.confirm',
      { ...body, confirmation: { aud: 'mooring:confirm', sub: 'usr_1', amount: '100' } },
    ],
    ['without the proof', 'payment.confirm', { payment: 'pay_1', source: 'wallet' }],
  ])('differs %s', (_what, command, changed) => {
    expect(contentHash(command, changed)).not.toBe(hash)
  })

  it('hashes a proof that cannot be decoded as text', () => {
    const one = contentHash('x', { confirmation: 'a.b.c' })
    expect(contentHash('x', { confirmation: 'a.b.c' })).toBe(one)
    expect(contentHash('x', { confirmation: 'a.b.d' })).not.toBe(one)
  })

  it('exists for every body JSON can carry', () => {
    for (const text of [
      'null',
      '1',
      '"x"',
      '[]',
      '{"a":1e999}',
      '"\\ud800"',
      '{"__proto__":1}',
      '{"confirmation":5}',
    ]) {
      expect(contentHash('x', JSON.parse(text))).toMatch(/^[0-9a-f]{64}$/)
    }
    expect(contentHash('x', undefined)).toMatch(/^[0-9a-f]{64}$/)
    expect(contentHash('x', JSON.parse('{"__proto__":1}'))).not.toBe(contentHash('x', {}))
  })

  it('is equal exactly where the rest of the body is', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.dictionary(fc.string(), fc.jsonValue()), (a, b) => {
        const rest = (value: object) =>
          canonicalize(Object.fromEntries(Object.entries(value).filter(([name]) => !LEFT_OUT.includes(name))))
        fc.pre(rest(a) !== rest(b))
        expect(contentHash('x', a)).not.toBe(contentHash('x', b))
        expect(contentHash('x', structuredClone(a))).toBe(contentHash('x', a))
      }),
    )
  })
})
