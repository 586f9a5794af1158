/** The bank's own reading and writing of money and accounts. Amounts are bigint minor units. */

const EXPONENTS: Readonly<Record<string, number>> = {
  KES: 2,
  EUR: 2,
  USD: 2,
  GBP: 2,
  CHF: 2,
  SEK: 2,
  INR: 2,
  ZAR: 2,
  NGN: 2,
  GHS: 2,
  TZS: 2,
  ETB: 2,
  ZMW: 2,
  JPY: 0,
  UGX: 0,
  RWF: 0,
  XAF: 0,
  XOF: 0,
  KWD: 3,
  BHD: 3,
  TND: 3,
}

/** Decimals of a currency by ISO 4217, null when the bank does not keep it. */
export function exponentOf(currency: string): number | null {
  return Object.hasOwn(EXPONENTS, currency) ? (EXPONENTS[currency] ?? null) : null
}

export type AmountRead = { ok: true; minor: bigint } | { ok: false; code: 'AM12' | 'CH20' }

/**
 * Plain decimals with exactly the currency's number of places, above zero, at most 18 digits: stricter than the
 * XSD, which lets `.5`, `12.`, `+12.30` and `0012.30` through. AM12 bad form or value, CH20 wrong decimals.
 */
export function readAmount(text: string, currency: string): AmountRead {
  const exponent = exponentOf(currency)
  const parts = /^(0|[1-9][0-9]*)(?:\.([0-9]+))?$/.exec(text)
  if (exponent === null || parts === null || text.length > 19) return { ok: false, code: 'AM12' }
  const fraction = parts[2] ?? ''
  if (fraction.length !== exponent) return { ok: false, code: 'CH20' }
  const minor = BigInt(`${parts[1] ?? ''}${fraction}`)
  return minor > 0n ? { ok: true, minor } : { ok: false, code: 'AM12' }
}

export function writeAmount(minor: bigint, currency: string): string {
  const exponent = exponentOf(currency)
  if (exponent === null) throw new RangeError(`the bank keeps no ${currency}`)
  const digits = minor.toString().padStart(exponent + 1, '0')
  return exponent === 0 ? digits : `${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`
}

/** ISO 13616: letters count 10 to 35, the first four characters go last, the whole modulo 97 is 1. */
export function ibanIsValid(iban: string): boolean {
  if (!/^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$/.test(iban)) return false
  let remainder = 0
  for (const character of iban.slice(4) + iban.slice(0, 4)) {
    const value = Number.parseInt(character, 36)
    remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97
  }
  return remainder === 1
}
