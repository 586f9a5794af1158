import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readAmount, writeAmount } from '../../src/rails/iso20022/amount.ts'

const CURRENCIES = [
  { currency: 'JPY', exponent: 0 },
  { currency: 'KES', exponent: 2 },
  { currency: 'KWD', exponent: 3 },
]

describe.each(CURRENCIES)('an amount in $currency', ({ currency, exponent }) => {
  it('comes back as it was written, with exactly the currency’s decimals', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 10n ** 18n - 1n }), (amountMinor) => {
        const text = writeAmount(amountMinor, currency)
        expect(text).toMatch(exponent === 0 ? /^[1-9][0-9]*$/ : new RegExp(`^(0|[1-9][0-9]*)\\.[0-9]{${exponent}}$`))
        expect(readAmount(text, exponent)).toBe(amountMinor)
      }),
    )
  })

  it('is read only in the one way it is written', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 10n ** 15n }), (amountMinor) => {
        const text = writeAmount(amountMinor, currency)
        for (const bent of [
          `0${text}`,
          `+${text}`,
          `-${text}`,
          ` ${text}`,
          `${text} `,
          `${text}0`,
          `${text}.`,
          `${text}e0`,
          text.replace('.', ',') + (exponent === 0 ? ',' : ''),
        ]) {
          // A further zero makes another whole amount where there are no decimals.
          if (exponent === 0 && bent === `${text}0`) continue
          expect(readAmount(bent, exponent)).toBeNull()
        }
      }),
    )
  })

  it('has at most 18 digits and is more than nothing', () => {
    expect(() => writeAmount(10n ** 18n, currency)).toThrow(RangeError)
    expect(() => writeAmount(0n, currency)).toThrow(RangeError)
    expect(() => writeAmount(-1n, currency)).toThrow(RangeError)
  })
})

it('writes small amounts out in full', () => {
  expect([writeAmount(5n, 'EUR'), writeAmount(5n, 'JPY'), writeAmount(5n, 'KWD')]).toEqual(['0.05', '5', '0.005'])
})

it.each(['', '.', '.50', '12.', '1.5', '1.500', '1e2', '0x10', '٣.٠٠', '1_0.00', 'NaN', '00.10'])(
  'refuses %j for EUR',
  (text) => {
    expect(readAmount(text, 2)).toBeNull()
  },
)

it('does not know what it was not told', () => {
  expect(() => writeAmount(1n, 'XXX')).toThrow(RangeError)
  expect(readAmount('1.0', 1)).toBeNull()
})
