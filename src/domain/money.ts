/** Money is bigint minor units in code and a decimal string on wires; never a number. */

/** Parses wire text already checked by its schema. */
export function minor(text: string): bigint {
  return BigInt(text)
}

/** n / d rounded half to even; d > 0. */
export function divideHalfEven(n: bigint, d: bigint): bigint {
  if (d <= 0n) throw new RangeError('divisor must be positive')
  const negative = n < 0n
  const abs = negative ? -n : n
  let q = abs / d
  const twice = (abs % d) * 2n
  if (twice > d || (twice === d && q % 2n === 1n)) q += 1n
  return negative ? -q : q
}

export function minOf(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}

export function maxOf(a: bigint, b: bigint): bigint {
  return a < b ? b : a
}

/** Minor units as decimal text with exactly `exponent` decimals: 5, 2 → "0.05"; 5, 0 → "5". */
export function toDecimal(amountMinor: bigint, exponent: number): string {
  if (amountMinor < 0n) throw new RangeError('amounts are not negative')
  if (exponent === 0) return amountMinor.toString()
  const digits = amountMinor.toString().padStart(exponent + 1, '0')
  return `${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`
}

/** The same for a balance, which may be negative: -5, 2 → "-0.05". */
export function signedDecimal(amountMinor: bigint, exponent: number): string {
  return amountMinor < 0n ? `-${toDecimal(-amountMinor, exponent)}` : toDecimal(amountMinor, exponent)
}
