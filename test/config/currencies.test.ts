import { describe, expect, it } from 'vitest'
import { currencyOf, currencyTable, EnvCurrencies } from '../../src/config/currencies.ts'
import { CURRENCIES } from '../../src/contract/names.ts'

const RWF = { name: 'Rwandan franc', exponent: 0, numeric: '646' }

const faults = (text: string) =>
  EnvCurrencies.safeParse(text).error?.issues.map((issue) => issue.message.split(':')[0]) ?? []

describe('MOORING_CURRENCIES', () => {
  it('adds a currency to those the code knows, and nothing where it is not set', () => {
    const table = currencyTable(EnvCurrencies.parse(JSON.stringify({ RWF })))
    expect(currencyOf(table, 'RWF')).toEqual(RWF)
    expect(currencyOf(table, 'KES').exponent).toBe(2)
    expect(currencyTable(EnvCurrencies.parse(undefined))).toEqual(CURRENCIES)
  })

  it('gives no currency another meaning', () => {
    expect(faults(JSON.stringify({ KES: { ...RWF, exponent: 0 } }))).toEqual(['KES is KES, which is known'])
    expect(faults(JSON.stringify({ RWF: { ...RWF, numeric: '404' } }))).toEqual(['RWF is KES, which is known'])
    expect(faults(JSON.stringify({ RWF, RWG: RWF }))).toEqual(['RWG is RWF, which is known'])
  })

  it('is refused where ISO 4217 has nothing like it', () => {
    expect(faults('{')).toEqual(['expected JSON'])
    expect(faults(JSON.stringify({ RWF: { ...RWF, exponent: 1 } }))).toHaveLength(1)
    expect(faults(JSON.stringify({ RWF: { ...RWF, numeric: '64' } }))).toEqual(['expected three digits'])
    expect(faults(JSON.stringify({ rwf: RWF }))).toHaveLength(1)
    expect(faults(JSON.stringify({ RWF: { ...RWF, symbol: 'FRw' } }))).toHaveLength(1)
  })

  it('is where an unknown currency is to be described', () => {
    expect(() => currencyOf(CURRENCIES, 'RWF')).toThrow(/MOORING_CURRENCIES/)
  })
})

it('knows ISO 4217 codes and numbers once each, and exponents 0, 2 and 3', () => {
  const facts = Object.values(CURRENCIES)
  expect(new Set(facts.map(({ numeric }) => numeric)).size).toBe(facts.length)
  expect(new Set(facts.map(({ exponent }) => exponent))).toEqual(new Set([0, 2, 3]))
})
