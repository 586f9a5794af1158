import { afterAll, beforeAll, expect, test } from 'vitest'
import { collect, field, order, payOut, reasonOf, refund, type Order } from '../support/bank-messages.ts'
import { BankStage } from '../support/bank-stage.ts'

let stage: BankStage
beforeAll(async () => {
  stage = await BankStage.open()
})
afterAll(() => stage.close())

/** Sends a message spoiled by one replacement; the replacement must have found its place. */
async function spoiled(write: (asked: Order) => string, from: string | RegExp, to: string) {
  const asked = order()
  const good = write(asked)
  const bad = good.replace(from, to)
  expect(bad).not.toBe(good)
  const answer = await stage.message(bad)
  return { asked, answer }
}

test.each<[string, (asked: Order) => string, string | RegExp, string, string]>([
  ['the debtor before the creditor', collect, /(<Cdtr>.*<\/CdtrAgt>)(<Dbtr>.*<\/DbtrAgt>)/, '$2$1', 'FF01'],
  ['no UETR', collect, /<UETR>.*<\/UETR>/, '', 'CH21'],
  ['an upper-case UETR', collect, /<UETR>(.)/, '<UETR>A', 'FF01'],
  ['a dashless UETR', payOut, /(<UETR>.{8})-/, '$1', 'FF01'],
  ['a reference of 36 characters', payOut, /<MsgId>[^<]*/, `<MsgId>${'a'.repeat(36)}`, 'FF01'],
  ['an element of the schema the profile leaves out', payOut, '</ChrgBr>', '</ChrgBr><ChrgBr>SLEV</ChrgBr>', 'FF01'],
  ['an unknown element', payOut, '</GrpHdr>', '<Extra>1</Extra></GrpHdr>', 'FF01'],
  ['two transactions announced', collect, '<NbOfTxs>1<', '<NbOfTxs>2<', 'FF01'],
  ['a total that is not the amount', collect, /(<TtlIntrBkSttlmAmt Ccy="KES">)125\.50/, '$1125.51', 'AM09'],
  ['a total in another currency', payOut, '<TtlIntrBkSttlmAmt Ccy="KES">', '<TtlIntrBkSttlmAmt Ccy="USD">', 'AM09'],
  ['a time without its zone', payOut, /<CreDtTm>([^<]*)Z/, '<CreDtTm>$1', 'FF01'],
  ['a time without milliseconds', collect, /<CreDtTm>([^<]*)\.\d{3}Z/, '<CreDtTm>$1Z', 'FF01'],
  ['a date that does not exist', collect, /<ReqdColltnDt>[^<]*/, '<ReqdColltnDt>2026-02-30', 'FF01'],
  ['charges borne otherwise', payOut, 'SLEV', 'SHAR', 'FF01'],
  ['another settlement method', collect, 'CLRG', 'INDA', 'FF01'],
  ['an end-to-end id of its own', payOut, /<EndToEndId>[^<]*/, '<EndToEndId>other', 'FF01'],
  ['a BIC in lower case', collect, '<FinInstnId>', '<FinInstnId><BICFI>demodeff</BICFI>', 'RC01'],
  ['a name of 141 characters', payOut, '<Nm>Asha</Nm>', `<Nm>${'x'.repeat(141)}</Nm>`, 'FF01'],
  ['an attribute where none belongs', payOut, '<Cdtr>', '<Cdtr a="1">', 'FF01'],
  ['no instant instrument', payOut, '<Cd>INST</Cd>', '<Cd>NORM</Cd>', 'FF01'],
  ['an amount without currency', collect, '<IntrBkSttlmAmt Ccy="KES">', '<IntrBkSttlmAmt>', 'FF01'],
])('%# a message with %s is refused as a whole', async (_, write, from, to, code) => {
  const { asked, answer } = await spoiled(write, from, to)
  expect(answer).toMatchObject({ status: 400, distrust: null })
  expect(field(answer.body, 'GrpSts')).toBe('RJCT')
  expect(reasonOf(answer.body)).toBe(code)
  expect(['NOTPROVIDED', asked.messageId]).toContain(field(answer.body, 'OrgnlMsgId'))
  expect(await stage.moves(asked.reference)).toEqual([])
})

test.each([
  ['KES', '.50', 'AM12'],
  ['KES', '12.', 'AM12'],
  ['KES', '+12.30', 'AM12'],
  ['KES', '-12.30', 'AM12'],
  ['KES', '0012.30', 'AM12'],
  ['KES', ' 12.30 ', 'AM12'],
  ['KES', '1e3', 'AM12'],
  ['KES', '0.00', 'AM12'],
  ['KES', '1234567890123456789.00', 'AM12'],
  ['KES', '12.3', 'CH20'],
  ['KES', '12', 'CH20'],
  ['KES', '12.345', 'CH20'],
  ['JPY', '12.00', 'CH20'],
  ['KWD', '12.00', 'CH20'],
  ['XXX', '12.00', 'AM12'],
])('the amount %s %j is refused with %s', async (currency, amount, code) => {
  const { answer, order: asked } = await stage.collect({ currency, amount })
  expect(answer.status).toBe(400)
  expect(reasonOf(answer.body)).toBe(code)
  expect(await stage.moves(asked.reference)).toEqual([])
})

test('euros need the SEPA service level', async () => {
  const asked = order({ currency: 'EUR' })
  expect(reasonOf((await stage.message(payOut(asked))).body)).toBe('CH21')
  const fresh = order({ currency: 'EUR' })
  const good = payOut(fresh).replace('<LclInstrm>', '<SvcLvl><Cd>SEPA</Cd></SvcLvl><LclInstrm>')
  expect(field((await stage.message(good)).body, 'TxSts')).toBe('ACSC')
})

test.each([
  [
    'a document type',
    '<!DOCTYPE Document><Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.003.001.09"></Document>',
  ],
  ['a comment', '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.003.001.09"><!-- a --></Document>'],
  ['CDATA', '<a><![CDATA[b]]></a>'],
  ['an entity', '<a>&nbsp;</a>'],
  ['a processing instruction', '<a><?b c?></a>'],
  ['a depth of 33', '<a>'.repeat(33) + '</a>'.repeat(33)],
  ['tags that do not close', '<a><b></a></b>'],
  ['two roots', '<a>1</a><b>2</b>'],
  ['text beside elements', '<a>1<b>2</b></a>'],
  ['a prefix', '<p:Document xmlns:p="urn:iso:std:iso:20022:tech:xsd:pacs.003.001.09"></p:Document>'],
  ['a repeated attribute', '<a b="1" b="2">c</a>'],
  ['a control character', '<a>&#1;</a>'],
])('%s is unreadable: admi.002', async (_, xml) => {
  const answer = await stage.message(xml)
  expect(answer).toMatchObject({ status: 400, distrust: null })
  expect(answer.body).toContain('admi.002.001.01')
})

test('bytes that are not UTF-8, too many of them, or of another type', async () => {
  expect((await stage.message(`<a>${'x'.repeat(65_536)}</a>`)).status).toBe(413)
  expect((await stage.message(collect(order()), { type: 'application/json' })).status).toBe(415)
  expect((await stage.message(collect(order()), { type: 'application/xml; charset=utf-8' })).status).toBe(200)
})

test('a message type the bank does not take is refused as unsupported', async () => {
  const answer = await stage.message(
    '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.056.001.10"><FIToFIPmtCxlReq><a>1</a></FIToFIPmtCxlReq></Document>',
  )
  expect(answer.status).toBe(400)
  expect(reasonOf(answer.body)).toBe('FF01')
})

test('predefined entities and character references are read as what they mean', async () => {
  const asked = order()
  const written = payOut(asked).replace('<Nm>Asha</Nm>', '<Nm>A&#x26;B &lt;&#67;&gt;</Nm>')
  expect(field((await stage.message(written)).body, 'TxSts')).toBe('ACSC')
  const spaced = payOut(asked).replace('<Nm>Asha</Nm>', '<Nm>A&amp;B &lt;C&gt;</Nm>').replaceAll('><', '>\n  <')
  expect(field((await stage.message(spaced)).body, 'TxSts')).toBe('ACSC')
  expect(await stage.moves(asked.reference)).toMatchObject([{ times_requested: 2 }])
})

test('a message id refused as malformed cannot be used by a good message later', async () => {
  const { asked } = await spoiled(collect, 'CLRG', 'INDA')
  const late = await stage.message(collect(asked))
  expect(late.status).toBe(409)
  expect(reasonOf(late.body)).toBe('DU03')
  expect(await stage.moves(asked.reference)).toEqual([])
})

test('a malformed message under the id of a settled payment is no decline of that payment', async () => {
  const { order: asked } = await stage.collect()
  const answer = await stage.message(collect(asked).replace('CLRG', 'INDA'))
  expect(answer.status).toBe(409)
  expect(reasonOf(answer.body)).toBe('DU03')
})

test('a refund names one of the reasons the profile knows and a direct debit as its original', async () => {
  const { order: asked } = await stage.collect()
  const good = refund(asked, { reference: `${asked.reference}r`, amount: '1.00' })
  expect((await stage.message(good.replace('<Cd>CUST</Cd>', '<Cd>ZZZZ</Cd>'))).status).toBe(400)
  const other = good.replaceAll(`${asked.reference}r`, `${asked.reference}s`)
  expect((await stage.message(other.replace('pacs.003.001.09', 'pacs.008.001.08'))).status).toBe(400)
})
