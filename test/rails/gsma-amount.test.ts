import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { CURRENCIES } from '../../src/contract/names.ts'
import { readAmount, writeAmount } from '../../src/rails/gsma/amount.ts'

const EXPONENTS: readonly [string, number][] = Object.entries(CURRENCIES).map(([code, { exponent }]) => [
  code,
  exponent,
])
const PUBLISHED = /^([0]|([1-9][0-9]{0,17}))([.][0-9]{0,3}[0-9])?$/

/** As it would be worked out by hand: digits shifted by the exponent, no code of the connector's. */
const byHand = (text: string, exponent: number): bigint => {
  const [whole = '', fraction = ''] = text.split('.')
  return BigInt(whole) * 10n ** BigInt(exponent) + BigInt(fraction.slice(0, exponent).padEnd(exponent, '0') || '0')
}

describe('an amount of the Mobile Money API', () => {
  test.each([
    [5n, 'KES', '0.05'],
    [12_346n, 'KES', '123.46'],
    [5n, 'JPY', '5'],
    [5n, 'KWD', '0.005'],
    [99_999_999_999_999_999_999n, 'KES', '999999999999999999.99'],
  ])('%s minor units of %s are %s', (minor, currency, text) => {
    expect(writeAmount(minor, currency, CURRENCIES)).toBe(text)
  })

  it('is of the published pattern and comes back as it was, for every currency', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...EXPONENTS),
        fc.bigInt({ min: 1n, max: 10n ** 18n - 1n }),
        ([currency, exponent], minor) => {
          const text = writeAmount(minor, currency, CURRENCIES)
          expect(text).toMatch(PUBLISHED)
          expect(readAmount(text, currency, CURRENCIES)).toBe(minor)
          expect(byHand(text, exponent)).toBe(minor)
        },
      ),
    )
  })

  it('may come with zeros past its minor unit, and with nothing else there', () => {
    const digits = fc.stringMatching(/^(0|[1-9][0-9]{0,17})\.[0-9]{1,4}$/)
    fc.assert(
      fc.property(fc.constantFrom(...EXPONENTS), digits, ([currency, exponent], text) => {
        const isExact = /^0*$/.test(text.split('.')[1]?.slice(exponent) ?? '')
        expect(readAmount(text, currency, CURRENCIES)).toBe(isExact ? byHand(text, exponent) : null)
      }),
    )
  })

  it.each([
    '',
    ' 1',
    '1 ',
    '+1',
    '-1',
    '1e3',
    '01',
    '00',
    '.5',
    '1.',
    '1.00000',
    '1,00',
    '0x10',
    '1_000',
    '１',
    '1234567890123456789',
  ])('is not %j', (text) => {
    expect(readAmount(text, 'KES', CURRENCIES)).toBeNull()
  })

  it.each([0n, -1n, 10n ** 20n])('is never written for %s minor units', (minor) => {
    expect(() => writeAmount(minor, 'KES', CURRENCIES)).toThrow(RangeError)
  })

  it('is never written or read in a currency the hub is not made for', () => {
    expect(() => writeAmount(1n, 'XXX', CURRENCIES)).toThrow(RangeError)
    expect(() => readAmount('1', 'XXX', CURRENCIES)).toThrow(RangeError)
  })
})
