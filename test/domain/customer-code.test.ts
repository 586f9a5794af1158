import { createHmac } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { codeDigits, codeMessage, codeStep, codeText, readCode } from '../../src/domain/customer-code.ts'

const SECRET = Uint8Array.from({ length: 32 }, (_, i) => i)

/** As protocol.md has it, over text and long division rather than bytes and bigints. */
function worked(secret: Uint8Array, number: string, step: number): string {
  const hex = Buffer.from(`mooring:code${number}`, 'ascii').toString('hex') + step.toString(16).padStart(16, '0')
  const mac = createHmac('sha256', secret).update(hex, 'hex').digest('hex').slice(0, 16)
  let rest = 0
  for (const digit of mac) rest = (rest * 16 + Number.parseInt(digit, 16)) % 1e9
  return `29${number}${String(rest).padStart(9, '0')}`
}

function made(secret: Uint8Array, number: string, step: number): string {
  const mac = createHmac('sha256', secret).update(codeMessage(number, step)).digest()
  return codeText(number, codeDigits(mac))
}

describe('a customer code', () => {
  it.each([
    ['000000007', 0, '29000000007750049204'],
    ['123456789', 59_999_999, '29123456789770880435'],
    ['987654321', 2 ** 33 + 5, '29987654321815183186'],
    // Zeros at the front stay.
    ['000000018', 60_000_000, '29000000018003274035'],
  ])('of number %s at step %d is %s, worked elsewhere', (number, step, code) => {
    expect(made(SECRET, number, step)).toBe(code)
    expect(worked(SECRET, number, step)).toBe(code)
  })

  it('is what the protocol says for every secret, number and step, and is read back', () => {
    const nine = fc.integer({ min: 0, max: 999_999_999 }).map((n) => String(n).padStart(9, '0'))
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), nine, fc.maxSafeNat(), (secret, number, step) => {
        const code = made(secret, number, step)
        expect(code).toBe(worked(secret, number, step))
        expect(readCode(code)).toEqual({ number, digits: code.slice(11) })
      }),
    )
  })

  it('changes at each half minute of the clock', () => {
    expect([0, 29_999, 30_000, 59_999.9, 60_000, 1_800_000_000_000].map(codeStep)).toEqual([0, 0, 1, 1, 2, 60_000_000])
  })

  it.each([
    '',
    '29',
    '2900000000775004920',
    '290000000077500492040',
    '28000000007750049204',
    '29 00000007750049204',
    '29000000007750049204\n',
    '２9000000007750049204',
    '5901234123457',
  ])('is not %j', (text) => {
    expect(readCode(text)).toBeNull()
  })
})
