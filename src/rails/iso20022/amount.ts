import { CURRENCIES, type CurrencyTable } from '../../contract/names.ts'
import { toDecimal } from '../../domain/money.ts'

/**
 * Amounts of ISO 20022 messages. The schema also takes `.5`, `+1`, `01` and
 * three decimals for EUR; we neither write nor read any of that (connectors.md §0).
 */

/** ISO 20022 amounts have at most 18 digits in all. */
const DIGITS_MAX = 18

/** ISO 4217 minor-unit exponent; throws for a currency the hub is not made for. */
export function exponentOf(currency: string, currencies: CurrencyTable = CURRENCIES): number {
  const exponent = currencies[currency]?.exponent
  if (exponent === undefined) throw new RangeError(`no minor-unit exponent known for currency ${currency}`)
  return exponent
}

/** Wire text of an amount: exactly as many decimals as the currency has. */
export function writeAmount(amountMinor: bigint, currency: string, currencies: CurrencyTable = CURRENCIES): string {
  if (amountMinor <= 0n) throw new RangeError('a bank message moves more than nothing')
  const text = toDecimal(amountMinor, exponentOf(currency, currencies))
  if (text.replace('.', '').length > DIGITS_MAX)
    throw new RangeError('an amount of a bank message has at most 18 digits')
  return text
}

const SHAPES = [/^(0|[1-9][0-9]{0,17})$/, null, /^(0|[1-9][0-9]{0,15})\.[0-9]{2}$/, /^(0|[1-9][0-9]{0,14})\.[0-9]{3}$/]

/** Minor units of wire text; null for all but plain decimals with exactly the currency's decimals. */
export function readAmount(text: string, exponent: number): bigint | null {
  const shape = SHAPES[exponent]
  if (shape === undefined || shape === null || !shape.test(text)) return null
  return BigInt(text.replace('.', ''))
}
