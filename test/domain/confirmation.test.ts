import { describe, expect, it } from 'vitest'
import * as fc from 'fast-check'
import {
  actionClaims,
  claimMismatch,
  confirmationClaims,
  expiryFault,
  jtiOf,
  type Confirmation,
} from '../../src/domain/confirmation.ts'

const NOW = Date.parse('2026-11-23T12:00:00.000Z')
const nowS = NOW / 1_000

const what: Confirmation = {
  env: 'test',
  user: 'usr_0000000000000000000001',
  device: 'dev_0000000000000000000002',
  kind: 'purchase',
  subject: { payment: 'pay_0000000000000000000003' },
  payee: 'mer_0000000000000000000004',
  amountMinor: 12_345n,
  currency: 'KES',
  payerFeeMinor: 100n,
  source: 'wallet',
  captureMethod: 'automatic',
  orderRef: 'A-1001',
}
const expected = confirmationClaims(what)
const signed: Record<string, unknown> = { ...expected, jti: 'j'.repeat(16), exp: nowS + 200, iat: nowS }

describe('a confirmation', () => {
  it('over exactly what happens is accepted, with or without iat', () => {
    expect(claimMismatch(signed, expected)).toBeNull()
    const { iat: _, ...without } = signed
    expect(claimMismatch(without, expected)).toBeNull()
  })

  it('signs the total of amount and payer’s fee', () => {
    expect(expected.total).toBe('12445')
  })

  it.each(Object.keys(expected))('with another %s is refused with that claim', (claim) => {
    expect(claimMismatch({ ...signed, [claim]: 'another' }, expected)).toBe(claim)
  })

  it.each(Object.keys(expected))('without %s is refused with that claim', (claim) => {
    const rest = Object.fromEntries(Object.entries(signed).filter(([name]) => name !== claim))
    expect(claimMismatch(rest, expected)).toBe(claim)
  })

  it.each(['jti', 'exp'])('without %s is refused with that claim', (claim) => {
    const rest = Object.fromEntries(Object.entries(signed).filter(([name]) => name !== claim))
    expect(claimMismatch(rest, expected)).toBe(claim)
  })

  it.each([
    ['amount', 12_345],
    ['amount', '012345'],
    ['amount', '12345 '],
    ['amount', ['12345']],
    ['jti', 'short'],
    ['jti', 'j'.repeat(129)],
    ['exp', '9999999999'],
    ['iat', 'yesterday'],
    ['__proto__', 'x'],
    ['note', 'x'],
  ])('with %s as %o is refused with that claim', (claim, value) => {
    const claims: unknown = JSON.parse(
      JSON.stringify(signed).replace(/}$/, `,${JSON.stringify(claim)}:${JSON.stringify(value)}}`),
    )
    expect(claimMismatch(claims as Record<string, unknown>, expected)).toBe(claim) // parsed from an object's text
  })

  it('with both payment and key, or the wrong one of them, is refused', () => {
    expect(claimMismatch({ ...signed, key: 'k'.repeat(16) }, expected)).toBe('key')
    const byKey = confirmationClaims({ ...what, subject: { key: 'k'.repeat(16) } })
    expect(claimMismatch(signed, byKey)).toBe('key')
    const swapped: Record<string, unknown> = { ...signed, key: 'k'.repeat(16) }
    delete swapped.payment
    expect(claimMismatch(swapped, expected)).toBe('payment')
  })

  it('with an order_ref where there is none is refused', () => {
    expect(claimMismatch(signed, confirmationClaims({ ...what, orderRef: null }))).toBe('order_ref')
  })

  it('of anything but a purchase signs automatic capture', () => {
    expect(confirmationClaims({ ...what, kind: 'topup', captureMethod: 'manual' }).capture_method).toBe('automatic')
    expect(confirmationClaims({ ...what, captureMethod: 'manual' }).capture_method).toBe('manual')
  })
})

describe('the expiry of a signature', () => {
  it.each([
    ['a minute and more past', -60, true],
    ['just within the leeway', -59, false],
    ['now', 0, false],
    ['five minutes ahead', 300, false],
    ['five minutes and the leeway ahead', 360, false],
    ['further ahead', 361, true],
    ['infinitely ahead', Infinity, true],
  ])('%s', (_what, aheadS, fault) => {
    expect(expiryFault({ exp: nowS + aheadS }, NOW)).toBe(fault)
  })

  it('that is no number is a mismatch, not an expiry', () => {
    expect(expiryFault({ exp: '1' }, NOW)).toBe(false)
    expect(expiryFault({}, NOW)).toBe(false)
  })
})

it('a jti is 16 to 128 characters of text', () => {
  expect(jtiOf({ jti: 'j'.repeat(16) })).toBe('j'.repeat(16))
  for (const jti of ['j'.repeat(15), 'j'.repeat(129), 1, null, undefined]) expect(jtiOf({ jti })).toBeNull()
  // What no database can hold never reaches one, where it would break the batch it travels in.
  for (const bad of ['\u0000', '\ud800', '\udfff']) expect(jtiOf({ jti: 'j'.repeat(16) + bad })).toBeNull()
  expect(jtiOf(Object.create({ jti: 'j'.repeat(16) }) as Record<string, unknown>)).toBeNull() // inherited is not signed
})

it('an action signs user, device, name and body', () => {
  const claims = actionClaims({ user: 'usr_1', device: 'dev_1', name: 'source.link', bodyHash: 'h' })
  const all = { ...claims, jti: 'j'.repeat(16), exp: nowS }
  expect(claimMismatch(all, claims)).toBeNull()
  for (const claim of Object.keys(claims)) expect(claimMismatch({ ...all, [claim]: 'x' }, claims)).toBe(claim)
})

it('any claim of any value added, changed or left out is refused', () => {
  fc.assert(
    fc.property(fc.string(), fc.jsonValue(), (claim, value) => {
      fc.pre(claim !== 'iat' && claim !== 'exp' && claim !== 'jti')
      const claims = Object.fromEntries([...Object.entries(signed), [claim, value]])
      const same = Object.hasOwn(expected, claim) && expected[claim] === value
      expect(claimMismatch(claims, expected) === null).toBe(same)
    }),
  )
})
