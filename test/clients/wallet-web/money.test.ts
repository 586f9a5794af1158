import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatMoney, moneyParts, parseAmount } from '../../../clients/wallet-web/model/money.ts'

const plain = (text: string) => text.replaceAll('\u00a0', ' ')

describe('an amount as people see it', () => {
  it.each([
    ['0', 'KES', 'KES 0.00'],
    ['5', 'KES', 'KES 0.05'],
    ['123450', 'KES', 'KES 1,234.50'],
    ['1234', 'JPY', 'JPY 1,234'],
    ['1234', 'UGX', 'UGX 1,234'],
    ['1234', 'KWD', 'KWD 1.234'],
    ['999999999999999999', 'KES', 'KES 9,999,999,999,999,999.99'],
  ])('%s minor units of %s are %s', (minor, currency, shown) => {
    expect(plain(formatMoney(minor, currency, 'en'))).toBe(shown)
  })

  it('says so where nobody has told how many decimals a currency has', () => {
    expect(formatMoney('1234', 'XTS')).toBe('XTS 1234 (minor units)')
  })

  it.each([
    ['123450', 'KES', 'en', ['KES', '1,234', '.50']],
    ['123450', 'KES', 'de', ['KES', '1.234', ',50']],
    ['1234', 'JPY', 'en', ['JPY', '1,234', '']],
    ['1234567', 'KWD', 'en', ['KWD', '1,234', '.567']],
  ] as const)('is set in three sizes: %s %s in %s', (minor, currency, locale, parts) => {
    const { sign, whole, fraction } = moneyParts(minor, currency, locale)
    expect([sign, whole, fraction]).toEqual(parts)
  })
})

describe('an amount as people type it', () => {
  it.each([
    ['12', 'KES', '1200'],
    ['12.5', 'KES', '1250'],
    ['12,50', 'KES', '1250'],
    ['1 234.50', 'KES', '123450'],
    ['0.05', 'KES', '5'],
    ['007', 'KES', '700'],
    ['12', 'JPY', '12'],
    ['1.234', 'KWD', '1234'],
    ['12.', 'KES', '1200'],
  ])('%s in %s is %s minor units', (typed, currency, amountMinor) => {
    expect(parseAmount(typed, currency)).toEqual({ ok: true, amountMinor })
  })

  it.each([
    ['', 'KES'],
    ['0', 'KES'],
    ['0.00', 'KES'],
    ['12.345', 'KES'],
    ['1,234.50', 'KES'],
    ['12.5', 'JPY'],
    ['-5', 'KES'],
    ['5e3', 'KES'],
    ['٣', 'KES'],
    ['12345678901234567.89', 'KES'],
    ['5', 'XTS'],
  ])('%s in %s is refused in words, not guessed', (typed, currency) => {
    const read = parseAmount(typed, currency)
    expect(read.ok).toBe(false)
    expect(read.ok ? '' : read.say).toMatch(/^[A-Z].+\.$/)
  })

  it('comes back as it was shown, whatever the exponent', () => {
    const amounts = fc.bigInt({ min: 1n, max: 10n ** 17n })
    fc.assert(
      fc.property(amounts, fc.constantFrom('KES', 'JPY', 'KWD'), (amount, currency) => {
        const shown = formatMoney(String(amount), currency, 'en').replaceAll(/[^\d.]/g, '')
        expect(parseAmount(shown, currency)).toEqual({ ok: true, amountMinor: String(amount) })
      }),
    )
  })
})
