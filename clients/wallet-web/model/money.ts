import { CURRENCIES } from '../../../src/contract/names.ts'
import { toDecimal } from '../../../src/domain/money.ts'

/** The most the wire takes: 18 digits of minor units. */
const MOST_DIGITS = 18

/** How many decimals the currency's minor unit makes; null where nobody has said. */
export function exponentOf(currency: string): number | null {
  return CURRENCIES[currency]?.exponent ?? null
}

/**
 * Minor units for people, as their own language writes it: `KES 1,234.50`. Digits go in as text, so that no amount
 * is ever a floating-point number. A currency nobody has described is shown in minor units, and says so.
 */
export function formatMoney(amountMinor: string, currency: string, locale?: string): string {
  const exponent = exponentOf(currency)
  if (exponent === null) return `${currency} ${amountMinor} (minor units)`
  const format = new Intl.NumberFormat(locale, {
    style: 'currency',
    currency,
    currencyDisplay: 'code',
    minimumFractionDigits: exponent,
    maximumFractionDigits: exponent,
  })
  const decimal = toDecimal(BigInt(amountMinor), exponent)
  return format.format(isNumeric(decimal) ? decimal : 0)
}

/** ECMA-402 takes decimal text exactly; its type wants to see that it is some. */
function isNumeric(text: string): text is `${number}` {
  return /^\d+(\.\d+)?$/.test(text)
}

/** What stands before and after the digits, for an amount set in two sizes: `KES`, `1,234`, `.50`. */
export function moneyParts(amountMinor: string, currency: string, locale?: string) {
  const text = formatMoney(amountMinor, currency, locale)
  const split = /^(\D*)([\d\p{Z},.'’]*?)([.,]\d+)?(\D*)$/u.exec(text)
  const exponent = exponentOf(currency)
  if (split === null || exponent === null) return { sign: currency, whole: text, fraction: '' }
  const [, before = '', whole = '', fraction = '', after = ''] = split
  const isFraction = exponent > 0 && fraction.length === exponent + 1
  return {
    sign: before.trim() === '' ? after.trim() : before.trim(),
    whole: isFraction ? whole : `${whole}${fraction}`,
    fraction: isFraction ? fraction : '',
  }
}

export type Amount = { ok: true; amountMinor: string } | { ok: false; say: string }

/**
 * An amount as a person types it, in minor units. Blanks group; one point or comma stands before the decimals, of
 * which there are at most as many as the currency has: what cannot be read for certain is refused, never guessed.
 */
export function parseAmount(typed: string, currency: string): Amount {
  const exponent = exponentOf(currency)
  if (exponent === null) return { ok: false, say: `This app does not know the currency ${currency} yet.` }
  const text = typed.replaceAll(/[\s\u00a0\u202f']/g, '')
  if (text === '') return { ok: false, say: 'Enter an amount.' }
  const match = /^(\d+)(?:[.,](\d*))?$/.exec(text)
  if (match === null) return { ok: false, say: example(exponent) }
  const [, whole = '', fraction = ''] = match
  if (fraction.length > exponent) return { ok: false, say: example(exponent) }
  const amountMinor = `${whole}${fraction.padEnd(exponent, '0')}`.replace(/^0+(?=\d)/, '')
  if (amountMinor === '0') return { ok: false, say: 'Enter more than zero.' }
  if (amountMinor.length > MOST_DIGITS) return { ok: false, say: 'This is more than can be sent at once.' }
  return { ok: true, amountMinor }
}

function example(exponent: number): string {
  if (exponent === 0) return 'Enter whole numbers, like 1250.'
  return `Enter digits and at most ${exponent} decimals, like 1250.${'50'.padEnd(exponent, '0')}.`
}
