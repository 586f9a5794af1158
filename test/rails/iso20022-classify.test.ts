import { describe, expect, it } from 'vitest'
import { classify } from '../../src/rails/iso20022/classify.ts'
import { readStatusReport } from '../../src/rails/iso20022/status-report.ts'
import type { RailOrder, RailOutcome } from '../../src/rails/port.ts'
import { groupReport, makeOrder, makeRefund, messageName, report, type ReportParts } from './support/bank.ts'

/** Every row of connectors.md §1.2 and §1.5, from wire text to class. */

type Via = 'answer' | 'inquiry' | 'callback'

function read(xml: string, order: RailOrder, via: Via, httpStatus: number | null): RailOutcome {
  const parsed = readStatusReport(Buffer.from(xml))
  if (!parsed.ok) throw new Error(parsed.error)
  return classify({ via, httpStatus, report: parsed.value }, order)
}

const order = makeOrder()
const said = (parts: ReportParts, via: Via = 'answer', httpStatus: number | null = 200) =>
  read(report(order, parts), order, via, httpStatus)
const rejected = (...reasons: string[]) => said({ status: 'RJCT', reasons, railReference: null })

describe('a final positive status', () => {
  it.each(['ACSC', 'ACCC'])('%s settles, with its evidence', (status) => {
    expect(said({ status })).toEqual({
      kind: 'settled',
      evidence: { via: 'answer', id: 'STS1', status, railReference: 'ASREF1' },
    })
  })

  it('settles a payOut named as pacs.008', () => {
    const payOut = makeOrder({ operation: 'payOut' })
    expect(messageName(payOut)).toBe('pacs.008.001.08')
    expect(read(report(payOut), payOut, 'inquiry', 200)).toMatchObject({
      kind: 'settled',
      evidence: { via: 'inquiry' },
    })
    expect(read(report(payOut), payOut, 'callback', null)).toMatchObject({
      kind: 'settled',
      evidence: { via: 'callback' },
    })
  })

  it.each<[string, ReportParts]>([
    ['no amount', { amount: null }],
    ['another amount', { amount: '123.46' }],
    ['another currency', { currency: 'EUR' }],
    ['an amount with one decimal', { amount: '123.5' }],
    ['an amount with a leading zero', { amount: '0123.45' }],
    ['no reference of the movement', { railReference: null }],
    ['another transaction id', { txId: 'other' }],
    ['another end-to-end id', { endToEndId: 'other' }],
    ['another instruction id', { instructionId: 'other' }],
    ['another message id', { originalMessageId: 'other' }],
    ['another UETR', { uetr: '00000000-0000-4000-8000-000000000000' }],
    ['another direction', { originalMessageName: 'pacs.008.001.08' }],
    ['the inquiry as its original', { originalMessageName: 'pacs.028.001.05' }],
  ])('with %s is unknown, and somebody looks', (_what, parts) => {
    expect(said(parts)).toMatchObject({ kind: 'unknown', alarm: true })
    expect(said(parts, 'callback', null)).toMatchObject({ kind: 'unknown', alarm: true })
  })

  it('under 202 contradicts itself', () => {
    expect(said({}, 'answer', 202)).toMatchObject({ kind: 'unknown', alarm: true })
  })
})

describe('a status that is not final', () => {
  const names = ['RCVD', 'ACTC', 'ACCP', 'ACFC', 'ACPD', 'ACSP', 'PDNG', 'ACWC', 'PATC', 'ACWP']
  it.each(names)('%s is pending in every channel', (status) => {
    const parts = { status, railReference: null }
    const pending = { kind: 'pending', evidence: { status } }
    expect(said(parts, 'answer', 200)).toMatchObject(pending)
    expect(said(parts, 'answer', 202)).toMatchObject(pending)
    expect(said(parts, 'inquiry', 202)).toMatchObject(pending)
    expect(said(parts, 'callback', null)).toMatchObject(pending)
  })

  it('may leave the amount out, but not tell another', () => {
    expect(said({ status: 'PDNG', amount: null }, 'answer', 202)).toMatchObject({ kind: 'pending' })
    expect(said({ status: 'PDNG', amount: '1.00' }, 'answer', 202)).toMatchObject({ kind: 'unknown', alarm: true })
  })

  it('BLCK is pending with an alarm', () => {
    expect(said({ status: 'BLCK' })).toMatchObject({ kind: 'pending', alarm: true })
  })

  it.each(['CANC', 'XXXX', 'PRES'])('%s is unknown', (status) => {
    expect(said({ status })).toMatchObject({ kind: 'unknown', alarm: true })
  })

  it('an absent status is unknown', () => {
    expect(said({ status: null })).toMatchObject({ kind: 'unknown' })
  })
})

describe('a rejection', () => {
  const table: [string, string[], boolean][] = [
    ['insufficient_funds', ['AM04', 'AG07'], false],
    [
      'source_not_usable',
      ['AC01', 'AC02', 'AC03', 'AC04', 'AC05', 'AC06', 'AC07', 'AC13', 'AC14', 'AG01', 'MD01', 'MD07'],
      false,
    ],
    ['limit_exceeded', ['AM02', 'AM13', 'AM14', 'AM21', 'SL13', 'SL14'], false],
    ['declined_by_payer', ['MS02'], false],
    ['declined_by_rail', ['AG03', 'SL11', 'SL12', 'RR04', 'AM09', 'AM12', 'CH20'], false],
    [
      'declined_by_rail',
      ['AB05', 'AB06', 'AB08', 'AB09', 'AB10', 'AB11', 'TM01', 'FF10', 'ED05', 'MS03', 'NOAS'],
      false,
    ],
    ['declined_by_rail', ['FF01', 'FF02', 'CH21', 'RC01', 'RC09', 'BE01', 'BE09'], true],
  ]
  it.each(table.flatMap(([code, reasons, alarm]) => reasons.map((reason) => ({ code, reason, alarm }))))(
    'for $reason declines as $code (alarm: $alarm)',
    ({ code, reason, alarm }) => {
      expect(rejected(reason)).toEqual({
        kind: 'declined',
        code,
        reason,
        alarm,
        evidence: { via: 'answer', id: 'STS1', status: `RJCT ${reason}`, railReference: null },
      })
    },
  )

  it.each(['DUPL', 'AM05', 'DU01', 'DU03', 'DU04', 'DU05'])('as a duplicate (%s) is never a decline', (reason) => {
    expect(rejected(reason)).toMatchObject({ kind: 'unknown', alarm: false })
    expect(rejected('AM04', reason)).toMatchObject({ kind: 'unknown' })
  })

  it.each([['AG09'], ['ZZ99'], ['FF12'], ['AG13'], ['AM04', 'ZZ99']])(
    'for %j, unknown among payments, decides nothing',
    (...reasons) => {
      expect(rejected(...reasons)).toMatchObject({ kind: 'unknown', alarm: true })
    },
  )

  it('without a reason, or with a word of the bank’s own, decides nothing', () => {
    expect(rejected()).toMatchObject({ kind: 'unknown', alarm: true })
    expect(said({ status: 'RJCT', proprietary: 'NOPE' })).toMatchObject({ kind: 'unknown', alarm: true })
  })

  it('must name our amount', () => {
    expect(said({ status: 'RJCT', reasons: ['AM04'], amount: null })).toMatchObject({ kind: 'unknown' })
    expect(said({ status: 'RJCT', reasons: ['AM04'], amount: '123.46' })).toMatchObject({ kind: 'unknown' })
  })

  it('counts in an inquiry’s answer and in a callback', () => {
    const parts = { status: 'RJCT', reasons: ['AC04'], railReference: null }
    expect(said(parts, 'inquiry')).toMatchObject({ kind: 'declined', code: 'source_not_usable' })
    expect(said(parts, 'callback', null)).toMatchObject({ kind: 'declined', code: 'source_not_usable' })
  })
})

describe('a refund', () => {
  const refund = makeRefund(order)
  const toRefund = (parts: ReportParts) => read(report(refund, parts), refund, 'answer', 200)

  it('settles under its own reference, with the ids of its collect', () => {
    expect(toRefund({})).toMatchObject({ kind: 'settled' })
    expect(toRefund({ instructionId: order.reference })).toMatchObject({ kind: 'settled' })
    for (const parts of [
      { txId: order.reference },
      { endToEndId: refund.reference },
      { uetr: refund.uetr },
      { originalMessageName: 'pacs.003.001.09' },
      { originalMessageId: order.reference },
      { instructionId: refund.reference },
    ])
      expect(toRefund(parts)).toMatchObject({ kind: 'unknown', alarm: true })
  })

  it.each(['FF12', 'AG13', 'AM09'])('for %s declines', (reason) => {
    expect(toRefund({ status: 'RJCT', reasons: [reason], railReference: null })).toMatchObject({
      kind: 'declined',
      code: 'declined_by_rail',
      alarm: false,
    })
  })

  it('is not found by its own ids alone', () => {
    const never: ReportParts = { status: null, reasons: ['AG09'], railReference: null, amount: null }
    expect(read(report(refund, never), refund, 'inquiry', 404)).toMatchObject({ kind: 'not_found' })
    expect(read(report(order, never), refund, 'inquiry', 404)).toMatchObject({ kind: 'unknown' })
  })
})

it.each(['AM04', 'AG07'])('%s of a payOut or refund is about our own account', (reason) => {
  for (const ours of [makeOrder({ operation: 'payOut' }), makeRefund(order)])
    expect(
      read(report(ours, { status: 'RJCT', reasons: [reason], railReference: null }), ours, 'answer', 200),
    ).toMatchObject({ kind: 'declined', code: 'declined_by_rail', alarm: true })
})

describe('400', () => {
  const refusal = (parts: Partial<Parameters<typeof groupReport>[0]> = {}, via: Via = 'answer') =>
    read(
      groupReport({ messageId: order.reference, messageName: 'pacs.003.001.09', reasons: ['FF01'], ...parts }),
      order,
      via,
      400,
    )

  it('that names our message declines, with an alarm for our mistake', () => {
    expect(refusal()).toMatchObject({ kind: 'declined', code: 'declined_by_rail', reason: 'FF01', alarm: true })
  })

  it('that names another message, none, or an inquiry is unknown', () => {
    expect(refusal({ messageId: 'other' })).toMatchObject({ kind: 'unknown' })
    expect(refusal({ messageId: 'NOTPROVIDED' })).toMatchObject({ kind: 'unknown' })
    expect(refusal({ messageName: 'pacs.028.001.05' })).toMatchObject({ kind: 'unknown' })
    expect(refusal({}, 'inquiry')).toMatchObject({ kind: 'unknown' })
    expect(said({ status: 'RJCT', reasons: ['FF01'] }, 'answer', 400)).toMatchObject({ kind: 'unknown' })
  })

  it('that rejects as a duplicate, or does not reject, is unknown', () => {
    expect(refusal({ reasons: ['DU01'] })).toMatchObject({ kind: 'unknown' })
    expect(refusal({ status: 'ACTC' })).toMatchObject({ kind: 'unknown' })
  })

  it('counts only as 400', () => {
    const xml = groupReport({ messageId: order.reference, messageName: 'pacs.003.001.09', reasons: ['FF01'] })
    expect(read(xml, order, 'answer', 200)).toMatchObject({ kind: 'unknown' })
    expect(read(xml, order, 'callback', null)).toMatchObject({ kind: 'unknown' })
  })
})

describe('404', () => {
  const never: ReportParts = { status: null, reasons: ['AG09'], railReference: null, amount: null }

  it('with AG09 and our ids, to an inquiry, is not_found', () => {
    expect(said(never, 'inquiry', 404)).toMatchObject({
      kind: 'not_found',
      evidence: { via: 'inquiry', status: 'AG09' },
    })
  })

  it.each<[string, ReportParts, Via, number | null]>([
    ['to a payment', never, 'answer', 404],
    ['under 200', never, 'inquiry', 200],
    ['in a callback', never, 'callback', null],
    ['about another reference', { ...never, txId: 'other' }, 'inquiry', 404],
    ['about another UETR', { ...never, uetr: '00000000-0000-4000-8000-000000000000' }, 'inquiry', 404],
    ['about the other direction', { ...never, originalMessageName: 'pacs.008.001.08' }, 'inquiry', 404],
    ['with a status', { ...never, status: 'RJCT' }, 'inquiry', 404],
    ['with another reason', { ...never, reasons: ['AC01'] }, 'inquiry', 404],
    ['with a second reason', { ...never, reasons: ['AG09', 'AC01'] }, 'inquiry', 404],
    ['without a reason', { ...never, reasons: [] }, 'inquiry', 404],
  ])('%s is unknown', (_what, parts, via, status) => {
    expect(said(parts, via, status)).toMatchObject({ kind: 'unknown' })
  })
})

it.each([
  [409, true],
  [401, true],
  [403, true],
  [413, true],
  [415, true],
  [301, true],
  [204, true],
  [408, false],
  [425, false],
  [429, false],
  [500, false],
  [502, false],
  [503, false],
  [504, false],
])('HTTP %i is unknown whatever the report says (alarm: %s)', (status, alarm) => {
  expect(said({}, 'answer', status)).toMatchObject({ kind: 'unknown', alarm })
  expect(said({}, 'inquiry', status)).toMatchObject({ kind: 'unknown', alarm })
})
