import { expect, it } from 'vitest'
import { code128 } from '../../../clients/wallet-web/model/code128.ts'

/** Modules of a symbol character; of the stop pattern 13 (ISO/IEC 15417). */
const SYMBOL = 11
const START_C = '11010011100'
const STOP = '1100011101011'

it('digits are a Code 128 of set C: start, a symbol a pair, check symbol, stop', () => {
  const code = code128('29275700104123456789')
  expect(code).toHaveLength((1 + 10 + 1) * SYMBOL + STOP.length)
  expect(code.startsWith(START_C)).toBe(true)
  expect(code.endsWith(STOP)).toBe(true)
  // Each symbol begins dark, ends light, and has three bars.
  const symbols = code.slice(0, -STOP.length).match(/.{11}/g) ?? []
  expect(symbols.filter((symbol) => !/^1+0+1+0+1+0+$/.test(symbol))).toEqual([])
})

it('the standard’s own example comes out: set C of 00 and its check symbol', () => {
  // Start C is 105, 00 is 0: (105 + 1 × 0) mod 103 = 2, whose pattern is that of 02.
  expect(code128('00')).toBe(`${START_C}1101100110011001100110${STOP}`)
})

it.each(['', '1', '123', '12a4', '١٢'])('%j is refused', (digits) => {
  expect(() => code128(digits)).toThrow(RangeError)
})
