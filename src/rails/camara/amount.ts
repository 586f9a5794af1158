import { CURRENCIES, type CurrencyTable } from '../../contract/names.ts'
import { toDecimal } from '../../domain/money.ts'
import { JsonNumber } from './json.ts'

/** Amounts of CAMARA Carrier Billing: JSON numbers in steps of 0.001, handled as text (connectors.md §2.1). */

const DECIMALS_MAX = 3
const PLAIN = /^(0|[1-9][0-9]{0,14})(?:\.([0-9]{1,3}))?$/

/** @throws RangeError for a currency the hub or this wire is not made for. */
function exponentOf(currency: string, currencies: CurrencyTable): number {
  const exponent = currencies[currency]?.exponent
  if (exponent === undefined || exponent > DECIMALS_MAX) throw new RangeError(`carrier billing has no ${currency}`)
  return exponent
}

/** The number's literal, from minor units by string arithmetic. @throws RangeError for what this wire cannot say. */
export function writeAmount(amountMinor: bigint, currency: string, currencies: CurrencyTable = CURRENCIES): JsonNumber {
  if (amountMinor <= 0n) throw new RangeError('an operator charges more than nothing')
  const literal = toDecimal(amountMinor, exponentOf(currency, currencies))
  if (!PLAIN.test(literal)) throw new RangeError('the amount has too many digits for the operator')
  return new JsonNumber(literal)
}

/** Minor units of a literal; null for all but plain decimals whose digits past the currency's own are zeros. */
export function readAmount(
  { literal }: JsonNumber,
  currency: string,
  currencies: CurrencyTable = CURRENCIES,
): bigint | null {
  const exponent = exponentOf(currency, currencies)
  const parts = PLAIN.exec(literal)
  if (parts === null) return null
  const decimals = (parts[2] ?? '').padEnd(DECIMALS_MAX, '0')
  if (/[1-9]/.test(decimals.slice(exponent))) return null
  return BigInt(`${parts[1] ?? ''}${decimals.slice(0, exponent)}`)
}
