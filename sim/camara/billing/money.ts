import { Num } from './json.ts'

/** The operator's own money: minor units by currency, and JSON numbers in steps of 0.001. */

const MINOR_DIGITS: Readonly<Record<string, number>> = {
  ...Object.fromEntries('KES EUR USD GBP CHF INR ZAR NGN GHS TZS ETB ZMW'.split(' ').map((code) => [code, 2])),
  ...Object.fromEntries('JPY UGX RWF XAF XOF'.split(' ').map((code) => [code, 0])),
  ...Object.fromEntries('KWD BHD TND'.split(' ').map((code) => [code, 3])),
}

export function isCurrency(code: string): boolean {
  return Object.hasOwn(MINOR_DIGITS, code)
}

function digitsOf(currency: string): number {
  const digits = MINOR_DIGITS[currency]
  if (digits === undefined) throw new RangeError(`the operator charges no ${currency}`)
  return digits
}

/** Thousandths of a number sent as plain decimals; null for signs, exponents and finer steps. */
function thousandths({ text }: Num): bigint | null {
  if (!/^[0-9]{1,15}(\.[0-9]+)?$/.test(text)) return null
  const [whole = '', fraction = ''] = text.split('.')
  if (!/^[0-9]{0,3}0*$/.test(fraction)) return null
  return BigInt(whole) * 1000n + BigInt(fraction.slice(0, 3).padEnd(3, '0'))
}

/** Minor units above zero; null for what the currency cannot be charged in. */
export function chargeable(number: Num, currency: string): bigint | null {
  const amount = thousandths(number)
  const step = 10n ** BigInt(3 - digitsOf(currency))
  return amount === null || amount === 0n || amount % step !== 0n ? null : amount / step
}

export function isTaxAmount(number: Num): boolean {
  return thousandths(number) !== null
}

/** As many decimals as the currency has. */
export function amountOf(minor: bigint, currency: string): Num {
  const digits = digitsOf(currency)
  const scale = 10n ** BigInt(digits)
  const fraction = (minor % scale).toString().padStart(digits, '0')
  return new Num(digits === 0 ? minor.toString() : `${minor / scale}.${fraction}`)
}
