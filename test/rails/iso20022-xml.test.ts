import { describe, expect, it } from 'vitest'
import { readStatusReport } from '../../src/rails/iso20022/status-report.ts'
import { readXml } from '../../src/rails/iso20022/xml.ts'
import { makeOrder, report } from './support/bank.ts'

const order = makeOrder()
const good = report(order)
const bytes = (xml: string) => Buffer.from(xml)
const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'

it('reads a report with every field it relies on', () => {
  expect(readStatusReport(bytes(good))).toMatchObject({
    ok: true,
    value: {
      group: null,
      transaction: {
        statusId: 'STS1',
        originalTxId: order.reference,
        originalUetr: order.uetr,
        status: 'ACSC',
        railReference: 'ASREF1',
        amount: { text: '123.45', currency: 'KES' },
      },
    },
  })
})

it('does not mind a missing declaration, blanks between elements, or elements of the schema that say nothing to us', () => {
  const pretty = good
    .replace(DECLARATION, '')
    .replaceAll('><', '>\n  <')
    .replace('<AcctSvcrRef>', '<FctvIntrBkSttlmDt><Dt>2026-11-23</Dt></FctvIntrBkSttlmDt><AcctSvcrRef>')
  expect(readStatusReport(bytes(pretty))).toMatchObject({ ok: true })
})

it('resolves the five entities of XML, and no other', () => {
  expect(readXml(bytes('<a b="&lt;&quot;">&amp;&lt;&gt;&quot;&apos;&amp;lt;</a>'))).toEqual({
    name: 'a',
    attributes: { b: '<"' },
    children: [],
    text: `&<>"'&lt;`,
  })
  for (const hostile of ['&xxe;', '&#65;', '&#x41;', '&', '&amp', '& amp;', '&AMP;', '&nbsp;']) {
    expect(() => readXml(bytes(`<a>${hostile}</a>`))).toThrow()
  }
})

describe('hostile or broken XML is refused', () => {
  const swap = (from: string, to: string): string => {
    expect(good).toContain(from)
    return good.replace(from, to)
  }
  const billionLaughs = `<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>`
  const cases: [string, () => string | Buffer][] = [
    ['nothing', () => ''],
    ['blanks', () => '  '],
    ['HTML', () => '<!doctype html><html><body>502</body></html>'],
    ['JSON', () => '{"status":"ACSC"}'],
    ['half of it', () => good.slice(0, good.length / 2)],
    ['an unclosed end', () => good.slice(0, -'</Document>'.length)],
    ['something after the end', () => `${good}<Document/>`],
    ['text after the end', () => `${good}x`],
    ['crossed tags', () => swap('</TxSts>', '</StsId>')],
    ['an attribute twice', () => swap(' Ccy="KES"', ' Ccy="KES" Ccy="EUR"')],
    ['an unquoted attribute', () => swap(' Ccy="KES"', ' Ccy=KES')],
    ['a < in an attribute', () => swap(' Ccy="KES"', ' Ccy="<KES"')],
    ['a blank before a name', () => swap('<TxSts>', '< TxSts>')],
    ['an unclosed tag', () => swap('<TxSts>', '<TxSts')],
    ['text before the root', () => swap('<Document', 'x<Document')],
    ['an end without a start', () => `${good}</Document>`],
    ['a DTD', () => swap(DECLARATION, `${DECLARATION}<!DOCTYPE Document>`)],
    [
      'an external entity',
      () => swap(DECLARATION, `${DECLARATION}<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>`),
    ],
    ['a billion laughs', () => swap(DECLARATION, DECLARATION + billionLaughs)],
    ['a comment', () => swap('<TxSts>', '<!-- x --><TxSts>')],
    ['a comment within a status', () => swap('ACSC', 'AC<!-- -->SC')],
    ['CDATA', () => swap('ACSC', '<![CDATA[ACSC]]>')],
    ['a processing instruction', () => swap('<TxSts>', '<?php x ?><TxSts>')],
    ['a second declaration', () => DECLARATION + good],
    ['another encoding', () => swap('UTF-8', 'UTF-16')],
    ['XML 1.1', () => swap('version="1.0"', 'version="1.1"')],
    ['bytes that are no UTF-8', () => Buffer.from(good.replace('ACSC', 'ACS\u00e9'), 'latin1')],
    ['a NUL', () => swap('ACSC', 'ACSC\u0000')],
    ['a control character', () => swap('STS1', 'STS\u0007')],
    ['more than 64 KiB', () => swap('</Document>', `${' '.repeat(65_536)}</Document>`)],
    ['33 levels', () => `${'<a>'.repeat(33)}${'</a>'.repeat(33)}`],
    ['20,000 levels', () => '<a>'.repeat(20_000)],
    ['no namespace', () => swap(' xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.002.001.12"', '')],
    ['another version', () => swap('pacs.002.001.12', 'pacs.002.001.10')],
    [
      'a second namespace',
      () => swap('xmlns=', 'xmlns:x="urn:x" xmlns=').replace('<TxSts>ACSC</TxSts>', '<x:TxSts>ACSC</x:TxSts>'),
    ],
    ['an attribute of its own', () => swap('<TxSts>', '<TxSts x="1">')],
    ['a namespace on an element', () => swap('<TxSts>', '<TxSts xmlns="urn:x">')],
    ['a status twice', () => swap('<TxSts>', '<TxSts>RJCT</TxSts><TxSts>')],
    ['two transactions', () => good.replace(/(<TxInfAndSts>.*<\/TxInfAndSts>)/, '$1$1')],
    [
      'elements out of order',
      () => swap('<TxSts>ACSC</TxSts>', '').replace('<OrgnlTxId>', '<TxSts>ACSC</TxSts><OrgnlTxId>'),
    ],
    ['an unknown element', () => swap('<TxSts>', '<Extra/><TxSts>')],
    ['an element inside a status', () => swap('ACSC', '<ACSC/>')],
    ['text between elements', () => swap('<TxSts>', 'x<TxSts>')],
    ['blanks around a status', () => swap('ACSC', ' ACSC')],
    ['a small-letter status', () => swap('ACSC', 'acsc')],
    ['no group header', () => good.replace(/<GrpHdr>.*<\/GrpHdr>/, '')],
    ['no message id', () => good.replace(/<MsgId>.*?<\/MsgId>/, '')],
    ['no status id', () => swap('<StsId>STS1</StsId>', '')],
    ['an empty status id', () => swap('STS1', '')],
    ['a status id of 36 characters', () => swap('STS1', 'S'.repeat(36))],
    ['no UETR', () => good.replace(/<OrgnlUETR>.*<\/OrgnlUETR>/, '')],
    ['an upper-case UETR', () => swap(order.uetr, 'ABCDEF01-0000-4000-8000-000000000000')],
    ['a time without zone', () => swap('09:00:00.000Z', '09:00:00.000')],
    ['an amount without currency', () => swap(' Ccy="KES"', '')],
    ['an amount with two attributes', () => swap(' Ccy="KES"', ' Ccy="KES" x="1"')],
    ['an amount that is no number', () => swap('123.45', '1e5')],
    ['a negative amount', () => swap('123.45', '-123.45')],
    ['prototype games', () => swap('<TxSts>', '<__proto__/><TxSts>')],
    ['an admi.002', () => swap('pacs.002.001.12', 'admi.002.001.01')],
    ['nothing about anything', () => good.replace(/<TxInfAndSts>.*<\/TxInfAndSts>/, '')],
  ]
  it.each(cases)('%s', (_what, make) => {
    const xml = make()
    expect(readStatusReport(typeof xml === 'string' ? bytes(xml) : xml)).toMatchObject({ ok: false })
  })
})

it('refuses depth and size in no time', () => {
  const startedAt = performance.now()
  readStatusReport(bytes('<a>'.repeat(21_000)))
  readStatusReport(bytes('<'.repeat(65_000)))
  readStatusReport(bytes(`<a>${'&amp;'.repeat(12_000)}</a>`))
  readStatusReport(bytes(`<a ${'b="c" '.repeat(10_000)}/>`))
  expect(performance.now() - startedAt).toBeLessThan(1_000)
})
