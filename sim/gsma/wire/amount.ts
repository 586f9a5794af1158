/** Amounts of the Mobile Money API as this operator reads and writes them: text, at most four decimals. */

/** ISO 4217 exponents of the currencies this operator keeps wallets in. */
const EXPONENT = new Map<string, number>([
  ...['BIF', 'DJF', 'GNF', 'JPY', 'KMF', 'RWF', 'UGX', 'XAF', 'XOF'].map((code): [string, number] => [code, 0]),
  ...['BHD', 'JOD', 'KWD', 'OMR', 'TND'].map((code): [string, number] => [code, 3]),
  ...['EUR', 'GBP', 'GHS', 'INR', 'KES', 'NGN', 'TZS', 'USD', 'ZAR', 'ZMW'].map((code): [string, number] => [code, 2]),
])

export const currencyIsKept = (currency: string): boolean => EXPONENT.has(currency)

export type ReadAmount = { ok: true; minor: bigint } | { ok: false; why: 'format' | 'negative' | 'precision' }

/** Minor units of wire text: whole and fraction are put together digit by digit, so nothing is ever rounded. */
export function readAmount(text: string, currency: string): ReadAmount {
  if (/^-[0-9]/.test(text)) return { ok: false, why: 'negative' }
  const [whole = '', fraction, ...rest] = text.split('.')
  const plainWhole = /^[0-9]{1,18}$/.test(whole) && (whole.length === 1 || !whole.startsWith('0'))
  const plainFraction = fraction === undefined || /^[0-9]{1,4}$/.test(fraction)
  if (!plainWhole || !plainFraction || rest.length > 0) return { ok: false, why: 'format' }
  const exponent = EXPONENT.get(currency) ?? 0
  let minor = BigInt(whole)
  const digits = fraction ?? ''
  for (let place = 0; place < exponent; place++) minor = minor * 10n + BigInt(digits[place] ?? '0')
  return /[1-9]/.test(digits.slice(exponent)) ? { ok: false, why: 'precision' } : { ok: true, minor }
}

/** Wire text with exactly the currency's decimals. */
export function writeAmount(minor: bigint, currency: string): string {
  const exponent = EXPONENT.get(currency) ?? 0
  const unit = 10n ** BigInt(exponent)
  const fraction = exponent === 0 ? '' : `.${String(minor % unit).padStart(exponent, '0')}`
  return `${minor / unit}${fraction}`
}
