import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ibanLabel, makeIban, normaliseIban } from '../../src/domain/iban.ts'

it('takes IBANs as people type them', () => {
  expect(normaliseIban('de23 9999 9999 0000 0000 00')).toBe('DE23999999990000000000')
  expect(normaliseIban('GB82 WEST 1234 5698 7654 32')).toBe('GB82WEST12345698765432')
})

it.each([
  '',
  'DE23',
  'DE24999999990000000000',
  'DE2399999999000000000O',
  '23DE999999990000000000',
  'DE23-99999999-0000000000',
])('refuses %j', (text) => {
  expect(normaliseIban(text)).toBeNull()
})

it('computes the check digits of the bank’s test accounts', () => {
  const account = (nn: string) => makeIban('DE', `99999999${nn.padStart(10, '0')}`).slice(2, 4)
  expect(['00', '01', '02', '14', '62', '72'].map(account)).toEqual(['23', '93', '66', '33', '95', '19'])
})

it('finds every single wrong digit', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 9_999_999_999 }),
      fc.integer({ min: 4, max: 21 }),
      fc.integer({ min: 1, max: 9 }),
      (account, at, off) => {
        const iban = makeIban('DE', `88888888${String(account).padStart(10, '0')}`)
        const wrong = String((Number(iban.charAt(at)) + off) % 10)
        expect(normaliseIban(iban)).toBe(iban)
        expect(normaliseIban(iban.slice(0, at) + wrong + iban.slice(at + 1))).toBeNull()
      },
    ),
  )
})

it('shows the last four digits only', () => {
  expect(ibanLabel('DE23999999990000004821')).toBe('··4821')
})
