import fc from 'fast-check'
import { expect, it } from 'vitest'
import { readAmount, writeAmount } from '../../src/rails/camara/amount.ts'
import { JsonNumber, parseJson, writeJson } from '../../src/rails/camara/json.ts'

const read = (literal: string, currency: string) => readAmount(new JsonNumber(literal), currency)

it('what is written is read back, through JSON, to the minor unit', () => {
  const currency = fc.constantFrom('KES', 'JPY', 'KWD')
  const amountMinor = fc.bigInt({ min: 1n, max: 10n ** 15n - 1n })
  fc.assert(
    fc.property(currency, amountMinor, (code, minor) => {
      const text = writeJson({ amount: writeAmount(minor, code) })
      const json = parseJson(text)
      const amount: unknown = typeof json === 'object' && json !== null ? Reflect.get(json, 'amount') : null
      expect(amount instanceof JsonNumber && readAmount(amount, code)).toBe(minor)
    }),
  )
})

it.each([
  [5n, 'KES', '0.05'],
  [5n, 'JPY', '5'],
  [5n, 'KWD', '0.005'],
  [1_250n, 'KES', '12.50'],
  // Above 2^53 a float would already be another amount.
  [90_071_992_547_409_93n, 'KES', '90071992547409.93'],
])('%d of %s is written as the number %s', (minor, currency, literal) => {
  expect(writeJson(writeAmount(minor, currency))).toBe(literal)
})

it.each([
  ['1.0005', 'KES'],
  ['1.001', 'KES'],
  ['0.5', 'JPY'],
  ['01', 'KES'],
  ['-1', 'KES'],
  ['1e2', 'KES'],
  ['1.', 'KES'],
  ['', 'KES'],
  ['1000000000000000', 'KES'],
])('%j is no amount of %s', (literal, currency) => {
  expect(read(literal, currency)).toBeNull()
})

it('zeros past the currency’s decimals are nothing', () => {
  expect(read('1.000', 'KES')).toBe(100n)
  expect(read('7.00', 'JPY')).toBe(7n)
  expect(read('1', 'KWD')).toBe(1_000n)
})

it('nothing, less than nothing and too much are not written', () => {
  for (const minor of [0n, -1n, 10n ** 18n]) expect(() => writeAmount(minor, 'KES')).toThrow(RangeError)
  expect(() => writeAmount(1n, 'XXX')).toThrow(RangeError)
})

it('text that is no JSON is undefined, and null is null', () => {
  expect(parseJson('{')).toBeUndefined()
  expect(parseJson('')).toBeUndefined()
  expect(parseJson('null')).toBeNull()
})
