import { z } from 'zod'
import { CURRENCIES, type CurrencyTable } from '../contract/names.ts'

/** What the deployment says about a currency the code has no entry for: ISO 4217's own words. */
const AddedCurrency = z.strictObject({
  name: z.string().min(1).max(64),
  exponent: z.union([z.literal(0), z.literal(2), z.literal(3)], 'expected the ISO 4217 exponent: 0, 2 or 3'),
  numeric: z.string().regex(/^[0-9]{3}$/, 'expected three digits'),
})

/**
 * MOORING_CURRENCIES: currencies this deployment adds, as JSON by their code, e.g.
 * `{"RWF":{"name":"Rwandan franc","exponent":0,"numeric":"646"}}`. None may stand for another:
 * amounts already posted would change their meaning.
 */
export const EnvCurrencies = z
  .string()
  .default('{}')
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text)
    } catch {
      context.addIssue({ code: 'custom', message: 'expected JSON: {"<code>":{"name","exponent","numeric"}}' })
      return z.NEVER
    }
  })
  .pipe(z.record(z.string().regex(/^[A-Z]{3}$/, 'expected ISO 4217 codes'), AddedCurrency))
  .superRefine((added, context) => {
    const taken = new Map(Object.entries(CURRENCIES).map(([code, { numeric }]) => [numeric, code]))
    for (const [code, { numeric }] of Object.entries(added)) {
      const known = CURRENCIES[code] !== undefined ? code : taken.get(numeric)
      if (known !== undefined) context.addIssue({ code: 'custom', message: `${code} is ${known}, which is known` })
      taken.set(numeric, code)
    }
  })

/** The currencies of this deployment: those the code knows, and those it adds. */
export function currencyTable(added: CurrencyTable): CurrencyTable {
  return { ...CURRENCIES, ...added }
}

/** @throws where nobody has said how many decimals this currency has. */
export function currencyOf(table: CurrencyTable, code: string): CurrencyTable[string] {
  const facts = table[code]
  if (facts === undefined)
    throw new Error(`nothing is known of the currency ${code}: describe it in MOORING_CURRENCIES`)
  return facts
}
