import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { XmlDocument, XsdValidator } from 'libxml2-wasm'
import { describe, expect, it } from 'vitest'
import { inquiryMessage, MESSAGE_NAME, paymentMessage } from '../../src/rails/iso20022/messages.ts'
import { schemeText } from '../../src/rails/iso20022/text.ts'
import type { RailOrder } from '../../src/rails/port.ts'
import { groupReport, makeOrder, makeRefund, paymentReturn, PLATFORM, report } from './support/bank.ts'

const SPECS = process.env['MOORING_SPECS'] ?? join(import.meta.dirname, '../../../shared/specs')
const schemas = join(SPECS, 'iso20022')
const missing = !existsSync(schemas)

function validator(messageName: string): (xml: Uint8Array) => void {
  const schema = XmlDocument.fromBuffer(readFileSync(join(schemas, `${messageName}.xsd`)))
  const xsd = XsdValidator.fromDoc(schema)
  return (xml) => {
    const document = XmlDocument.fromBuffer(xml)
    try {
      xsd.validate(document)
    } finally {
      document.dispose()
    }
  }
}

const refundOf = (order: Partial<RailOrder>) => makeRefund(makeOrder({ ...order, operation: 'collect' }), order)

const anyOrder: fc.Arbitrary<RailOrder> = fc
  .record({
    operation: fc.constantFrom('collect' as const, 'payOut' as const, 'refund' as const),
    currency: fc.constantFrom('KES', 'EUR', 'JPY', 'KWD'),
    amountMinor: fc.bigInt({ min: 1n, max: 10n ** 18n - 1n }),
    description: fc.string({ unit: 'grapheme', maxLength: 300 }),
    holder: fc.string({ unit: 'binary', maxLength: 300 }),
    mandateId: fc.string({ minLength: 1, maxLength: 35, unit: 'grapheme-ascii' }).filter((id) => id.trim() !== ''),
    dispatchedAtMs: fc.integer({ min: 0, max: 4_000_000_000_000 }),
  })
  .map(({ holder, mandateId, ...order }) =>
    (order.operation === 'refund' ? refundOf : makeOrder)({
      ...order,
      account: { type: 'iban', iban: 'DE23999999990000000000', holder },
      mandate: { id: mandateId, signedOn: '2026-11-01' },
    }),
  )

describe.skipIf(missing)(`against the ISO schemas${missing ? `, skipped: ${schemas} is not there` : ''}`, () => {
  it('every payment message is valid, whatever people are called', () => {
    const validate = {
      collect: validator(MESSAGE_NAME.collect),
      payOut: validator(MESSAGE_NAME.payOut),
      refund: validator(MESSAGE_NAME.refund),
    }
    fc.assert(
      fc.property(anyOrder, (order) => {
        expect(() => validate[order.operation](paymentMessage(order, PLATFORM))).not.toThrow()
      }),
      { numRuns: 300 },
    )
  })

  it('a message of another type is not', () => {
    const inquiry = inquiryMessage(makeOrder(), 'Q1', Date.now())
    expect(() => validator(MESSAGE_NAME.collect)(inquiry)).toThrow()
  })

  it('every inquiry is valid', () => {
    const validate = validator(MESSAGE_NAME.inquiry)
    expect(() => validate(inquiryMessage(makeOrder(), `Q${'0'.repeat(32)}`, Date.now()))).not.toThrow()
    expect(() => validate(inquiryMessage(makeOrder({ operation: 'payOut' }), 'Q1', Date.now()))).not.toThrow()
    expect(() => validate(inquiryMessage(makeRefund(makeOrder()), 'Q1', Date.now()))).not.toThrow()
  })

  it('the status reports these tests read are valid too', () => {
    const validate = validator(MESSAGE_NAME.status)
    const order = makeOrder()
    const xml = [
      report(order),
      report(order, { status: 'RJCT', reasons: ['AM04', 'AC04'], railReference: null }),
      report(order, { status: null, reasons: ['AG09'], amount: null, railReference: null }),
      groupReport({ messageId: order.reference, messageName: 'pacs.003.001.09', reasons: ['FF01'] }),
    ]
    for (const one of xml) expect(() => validate(Buffer.from(one))).not.toThrow()
    const returned = validator(MESSAGE_NAME.refund)
    for (const parts of [{}, { amount: '1.00', proprietary: 'BOUNCED' }])
      expect(() => returned(Buffer.from(paymentReturn(order, parts)))).not.toThrow()
  })
})

it('writes a resend byte for byte as the first send', () => {
  fc.assert(
    fc.property(anyOrder, (order) => {
      expect(paymentMessage(structuredClone(order), PLATFORM).equals(paymentMessage(order, PLATFORM))).toBe(true)
    }),
    { numRuns: 50 },
  )
})

it('takes every id, amount and time from the journal', () => {
  const order = makeOrder({ operation: 'payOut', dispatchedAtMs: Date.UTC(2026, 10, 23, 9, 0, 0, 7), currency: 'EUR' })
  const xml = paymentMessage(order, PLATFORM).toString()
  expect(xml).toContain(`<MsgId>${order.reference}</MsgId><CreDtTm>2026-11-23T09:00:00.007Z</CreDtTm>`)
  expect(xml).toContain(
    `<InstrId>${order.reference}</InstrId><EndToEndId>${order.reference}</EndToEndId><TxId>${order.reference}</TxId><UETR>${order.uetr}</UETR>`,
  )
  expect(xml).toContain('<AccptncDtTm>2026-11-23T09:00:00.007Z</AccptncDtTm>')
  expect(xml).toContain('<SvcLvl><Cd>SEPA</Cd></SvcLvl>')
  expect(xml.match(/SttlmAmt Ccy="EUR">123\.45</g)).toHaveLength(2)
})

it.each<[string, Partial<RailOrder>]>([
  ['a reference that is too long', { reference: 'a'.repeat(31) }],
  ['a reference with other characters', { reference: 'a</MsgId>' }],
  ['an upper-case UETR', { uetr: '0F8FAD5B-D9CB-469F-A165-70867728950E' }],
  ['a UUID of another version', { uetr: '0f8fad5b-d9cb-169f-a165-70867728950e' }],
  ['an ill-formed IBAN', { account: { type: 'iban', iban: 'DE1', holder: 'x' } }],
  ['a collect without a mandate', { mandate: null }],
  ['a mandate id that is too long', { mandate: { id: 'm'.repeat(36), signedOn: '2026-11-01' } }],
  ['an ill-formed date', { mandate: { id: 'm', signedOn: '1 November' } }],
  ['an unknown currency', { currency: 'XTS' }],
  ['a step that a bank does not have', { step: 'prepare' }],
  ['an account without an IBAN', { account: { type: 'phone', phone: '+254700000001' } }],
  ['a refund of nothing', { operation: 'refund' }],
  ['a refund of more than its collect', { ...makeRefund(makeOrder({ amountMinor: 100n })), amountMinor: 101n }],
])('refuses to write %s', (_what, more) => {
  expect(() => paymentMessage(makeOrder(more), PLATFORM)).toThrow(RangeError)
})

describe('text for the scheme', () => {
  it.each([
    ['Zoë Müller-Łukasz', 'Zoe Muller-Lukasz'],
    ['Straße & Söhne', 'Strasse + Sohne'],
    ["Ng'ang’a", "Ng'ang'a"],
    ['  two\t\nblanks  ', 'two blanks'],
    ['<b>"x"</b>', '.b..x../b.'],
    ['王小明', 'NOTPROVIDED'],
    ['', 'NOTPROVIDED'],
  ])('%j becomes %j', (text, plain) => {
    expect(schemeText(text, 140, 'NOTPROVIDED')).toBe(plain)
  })

  it('is never longer than its field', () => {
    expect(schemeText('ß'.repeat(140), 140, 'x')).toBe('s'.repeat(140))
  })
})

it('writes a refund as a return of its collect, with a reference of its own', () => {
  const collect = makeOrder({ amountMinor: 12_345n })
  const refund = makeRefund(collect, { amountMinor: 45n })
  const xml = paymentMessage(refund, PLATFORM).toString()
  expect(xml).toContain(`<MsgId>${refund.reference}</MsgId>`)
  expect(xml).toContain(`<RtrId>${refund.reference}</RtrId><OrgnlGrpInf><OrgnlMsgId>${collect.reference}</OrgnlMsgId>`)
  expect(xml).toContain(`<OrgnlTxId>${collect.reference}</OrgnlTxId><OrgnlUETR>${collect.uetr}</OrgnlUETR>`)
  expect(xml).toContain('<OrgnlIntrBkSttlmAmt Ccy="KES">123.45</OrgnlIntrBkSttlmAmt>')
  expect(xml).toContain('<RtrdIntrBkSttlmAmt Ccy="KES">0.45</RtrdIntrBkSttlmAmt>')
  const inquiry = inquiryMessage(refund, 'Q1', Date.now()).toString()
  expect(inquiry).toContain(
    `<OrgnlMsgId>${refund.reference}</OrgnlMsgId><OrgnlMsgNmId>pacs.004.001.11</OrgnlMsgNmId></OrgnlGrpInf>`,
  )
  expect(inquiry).toContain(`<OrgnlTxId>${refund.reference}</OrgnlTxId><OrgnlUETR>${collect.uetr}</OrgnlUETR>`)
})
