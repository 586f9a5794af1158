import type { CurrencyTable } from '../../contract/names.ts'
import { toDecimal } from '../../domain/money.ts'

/** Amounts of the Mobile Money API: decimal text of at most 18 whole and 4 fraction digits (connectors.md §3.1). */

const WHOLE_DIGITS_MAX = 18
/** As the OpenAPI file has it: no sign, no exponent, no superfluous leading zero. */
const SHAPE = /^(0|[1-9][0-9]{0,17})(?:\.([0-9]{1,4}))?$/

function exponentOf(currency: string, currencies: CurrencyTable): number {
  const exponent = currencies[currency]?.exponent
  if (exponent === undefined) throw new RangeError(`no minor-unit exponent known for currency ${currency}`)
  return exponent
}

/** Wire text with exactly as many decimals as the currency has; throws RangeError for what the API cannot say. */
export function writeAmount(amountMinor: bigint, currency: string, currencies: CurrencyTable): string {
  if (amountMinor <= 0n) throw new RangeError('an order moves more than nothing')
  const text = toDecimal(amountMinor, exponentOf(currency, currencies))
  const [whole = ''] = text.split('.')
  if (whole.length > WHOLE_DIGITS_MAX) throw new RangeError('an amount of this API has at most 18 whole digits')
  return text
}

/**
 * Minor units of wire text. Operators may leave out trailing zeros or add some, so
 * `5`, `5.0` and `5.0000` are 500 cents; null where a digit past the minor unit is not 0.
 */
export function readAmount(text: string, currency: string, currencies: CurrencyTable): bigint | null {
  const [, whole, fraction = ''] = SHAPE.exec(text) ?? []
  if (whole === undefined) return null
  const exponent = exponentOf(currency, currencies)
  const beyond = fraction.slice(exponent)
  if (/[^0]/.test(beyond)) return null
  return BigInt(whole + fraction.slice(0, exponent).padEnd(exponent, '0'))
}
