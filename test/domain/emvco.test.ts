import fc from 'fast-check'
import { expect, test } from 'vitest'
import { crc16, decodeQr, encodeDynamicQr, encodeStaticQr } from '../../src/domain/emvco.ts'

const payment = 'pay_0352UyS55DzqiWSlnWkheS'
const token = 'a'.repeat(22)
const qr = (merchantName: string, amountText = '123.45') =>
  encodeDynamicQr({ payment, token, amountText, currencyNumeric: '404', merchantName, country: 'KE', city: 'Nairobi' })

test('the checksum is CRC-16/CCITT-FALSE', () => {
  expect(crc16('123456789')).toBe('29B1')
})

test('a code is read back whatever the merchant is called', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }), (name) => {
      expect(decodeQr(qr(name))).toEqual({ type: 'dynamic', payment, token })
    }),
  )
})

const merchant = 'mer_0352UyS55DzqiWSlnWkheS'
const store = 'sto_0352UyS55DzqiWSlnWkheS'
const sticker = (of: string | null) =>
  encodeStaticQr({ merchant, store: of, currencyNumeric: '404', merchantName: 'Shop', country: 'KE', city: 'Nairobi' })

test.each([store, null])('a sticker is read back, and says what readers look for: static, no amount', (of) => {
  const payload = sticker(of)
  expect(decodeQr(payload)).toEqual({ type: 'static', merchant, store: of })
  expect(payload).toMatch(/^000201010211.*52040000530340458.*6304[0-9A-F]{4}$/)
})

test('a code that is of neither kind, or half of one, is none', () => {
  const whole = sticker(store)
  const altered = (from: string, to: string) => {
    const body = whole.slice(0, -4).replace(from, to)
    return body + crc16(body)
  }
  expect(decodeQr(altered('010211', '010213'))).toBeNull()
  expect(decodeQr(altered('010211', '010212'))).toBeNull()
  expect(decodeQr(altered('0326mer', '0526mer'))).toBeNull()
})

test('a code says what EMVCo readers look for: version, dynamic, currency, amount, country', () => {
  expect(qr('Harbour Coffee')).toMatch(/^000201010212.*5303404.*5406123\.45.*5802KE.*6304[0-9A-F]{4}$/)
})

test('one altered character is noticed', () => {
  const payload = qr('Harbour Coffee')
  fc.assert(
    fc.property(fc.nat(payload.length - 1), fc.constantFrom('0', '7', 'A', 'z', '.'), (at, other) => {
      fc.pre(payload[at] !== other)
      expect(decodeQr(payload.slice(0, at) + other + payload.slice(at + 1))).toBeNull()
    }),
  )
})

test('what is no code of ours is none, whatever it is', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(decodeQr(text)).toBeNull()
    }),
  )
  const foreign = '00020101021226190015com.example.pays6304'
  expect(decodeQr(foreign + crc16(foreign))).toBeNull()
})
