import { choice, leaf, may, must, sequence, type LeafCheck, type Shape } from './shape.ts'

/** The messages the bank takes, element by element (connectors.md §1.1): the XSD's order, the profile's obligations. */

const refuse = (what: string, code: 'FF01' | 'RC01' = 'FF01') => ({ code, text: what }) as const
const matching =
  (pattern: RegExp, what: string, code: 'FF01' | 'RC01' = 'FF01'): LeafCheck =>
  (value) =>
    pattern.test(value) ? null : refuse(what, code)
const oneOf = (...allowed: string[]): Shape =>
  leaf((value) => (allowed.includes(value) ? null : refuse(`is not ${allowed.join(' or ')}`)))
/** Lengths of the XSD count characters, not UTF-16 units. */
const words = (most: number): Shape =>
  leaf((value) => {
    const length = Array.from(value).length
    return length >= 1 && length <= most ? null : refuse(`is not 1 to ${most} characters`)
  })

/** 2026-02-30 has the form of a date and is none. */
const isReal = (date: Date, text: string) => !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text)
const isDate = (value: string) => /^\d{4}-\d{2}-\d{2}$/.test(value) && isReal(new Date(`${value}T00:00:00Z`), value)
const isTime = (value: string) =>
  /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/.test(value) && isReal(new Date(value), value)

/** Scheme character set of references: no slash first, last or doubled. */
const reference = leaf((value) =>
  /^[A-Za-z0-9/\-?:().,'+ ]{1,35}$/.test(value) && !/^\/|\/$|\/\//.test(value)
    ? null
    : refuse('is not a reference of 1 to 35 characters'),
)
const date = leaf((value) => (isDate(value) ? null : refuse('is not a date')))
const time = leaf((value) => (isTime(value) ? null : refuse('is not a UTC time with milliseconds and Z')))
const uetr = leaf(
  matching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/, 'is not a lower-case UUIDv4'),
)
const iban = leaf(matching(/^[A-Z]{2}[0-9]{2}[a-zA-Z0-9]{1,30}$/, 'is not an IBAN'))
const bic = leaf(matching(/^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?$/, 'is not a BIC', 'RC01'))
const amount: Shape = { kind: 'amount' }

const agent = sequence(
  must(
    'FinInstnId',
    sequence(
      may('BICFI', bic),
      may(
        'ClrSysMmbId',
        sequence(may('ClrSysId', choice(must('Cd', words(5)), must('Prtry', words(35)))), must('MmbId', words(35))),
      ),
      may('LEI', leaf(matching(/^[A-Z0-9]{18}[0-9]{2}$/, 'is not an LEI'))),
      may('Nm', words(140)),
      may('Othr', sequence(must('Id', words(35)), may('Issr', words(35)))),
    ),
  ),
)
const account = sequence(
  must('Id', choice(must('IBAN', iban), must('Othr', sequence(must('Id', words(34)))))),
  may('Ccy', leaf(matching(/^[A-Z]{3}$/, 'is not a currency'))),
  may('Nm', words(70)),
)
const party = sequence(must('Nm', words(140)))
const remittance = sequence(may('Ustrd', words(140)))
const paymentId = sequence(
  must('InstrId', reference),
  must('EndToEndId', reference),
  must('TxId', reference),
  must('UETR', uetr),
)
const settlement = sequence(must('SttlmMtd', oneOf('CLRG')))
const serviceLevel = may('SvcLvl', choice(must('Cd', oneOf('SEPA', 'INST'))))
const originalGroup = sequence(must('OrgnlMsgId', reference), must('OrgnlMsgNmId', words(35)))
const money = [may('CtrlSum', leaf(matching(/^[0-9]{1,18}(\.[0-9]{1,5})?$/, 'is not a sum')))]

const groupHeader = (total: string, ...last: Parameters<typeof sequence>) =>
  sequence(
    must('MsgId', reference),
    must('CreDtTm', time),
    must('NbOfTxs', oneOf('1')),
    ...money,
    must(total, amount),
    must('IntrBkSttlmDt', date),
    must('SttlmInf', settlement),
    ...last,
    may('InstgAgt', agent),
    may('InstdAgt', agent),
  )

export const MESSAGES = {
  'pacs.003.001.09': {
    root: 'FIToFICstmrDrctDbt',
    transaction: 'DrctDbtTxInf',
    shape: sequence(
      must('GrpHdr', groupHeader('TtlIntrBkSttlmAmt')),
      must(
        'DrctDbtTxInf',
        sequence(
          must('PmtId', paymentId),
          must(
            'PmtTpInf',
            sequence(
              serviceLevel,
              must('LclInstrm', choice(must('Prtry', oneOf('INST')))),
              must('SeqTp', oneOf('OOFF', 'RCUR')),
            ),
          ),
          must('IntrBkSttlmAmt', amount),
          may('IntrBkSttlmDt', date),
          must('ChrgBr', oneOf('SLEV')),
          must('ReqdColltnDt', date),
          must(
            'DrctDbtTx',
            sequence(must('MndtRltdInf', sequence(must('MndtId', words(35)), must('DtOfSgntr', date)))),
          ),
          must('Cdtr', party),
          must('CdtrAcct', account),
          must('CdtrAgt', agent),
          must('Dbtr', party),
          must('DbtrAcct', account),
          must('DbtrAgt', agent),
          may('RmtInf', remittance),
        ),
      ),
    ),
  },
  'pacs.008.001.08': {
    root: 'FIToFICstmrCdtTrf',
    transaction: 'CdtTrfTxInf',
    shape: sequence(
      must(
        'GrpHdr',
        groupHeader(
          'TtlIntrBkSttlmAmt',
          must('PmtTpInf', sequence(serviceLevel, must('LclInstrm', choice(must('Cd', oneOf('INST')))))),
        ),
      ),
      must(
        'CdtTrfTxInf',
        sequence(
          must('PmtId', paymentId),
          must('IntrBkSttlmAmt', amount),
          may('IntrBkSttlmDt', date),
          must('AccptncDtTm', time),
          must('ChrgBr', oneOf('SLEV')),
          must('Dbtr', party),
          must('DbtrAcct', account),
          must('DbtrAgt', agent),
          must('CdtrAgt', agent),
          must('Cdtr', party),
          must('CdtrAcct', account),
          may('RmtInf', remittance),
        ),
      ),
    ),
  },
  'pacs.004.001.11': {
    root: 'PmtRtr',
    transaction: 'TxInf',
    shape: sequence(
      must('GrpHdr', groupHeader('TtlRtrdIntrBkSttlmAmt')),
      must(
        'TxInf',
        sequence(
          must('RtrId', reference),
          must('OrgnlGrpInf', originalGroup),
          must('OrgnlEndToEndId', reference),
          must('OrgnlTxId', reference),
          must('OrgnlUETR', uetr),
          must('OrgnlIntrBkSttlmAmt', amount),
          must('RtrdIntrBkSttlmAmt', amount),
          must('IntrBkSttlmDt', date),
          must(
            'RtrRsnInf',
            sequence(
              must('Rsn', choice(must('Cd', oneOf('CUST', 'DUPL', 'MS02', 'FOCR', 'NARR')))),
              may('AddtlInf', words(105)),
            ),
          ),
        ),
      ),
    ),
  },
  'pacs.028.001.05': {
    root: 'FIToFIPmtStsReq',
    transaction: 'TxInf',
    shape: sequence(
      must(
        'GrpHdr',
        sequence(must('MsgId', reference), must('CreDtTm', time), may('InstgAgt', agent), may('InstdAgt', agent)),
      ),
      must(
        'TxInf',
        sequence(
          must('StsReqId', reference),
          must('OrgnlGrpInf', originalGroup),
          may('OrgnlInstrId', reference),
          may('OrgnlEndToEndId', reference),
          must('OrgnlTxId', reference),
          must('OrgnlUETR', uetr),
        ),
      ),
    ),
  },
} as const satisfies Readonly<Record<string, { root: string; transaction: string; shape: Shape }>>

export type MessageName = keyof typeof MESSAGES

export const NAMESPACE = 'urn:iso:std:iso:20022:tech:xsd:'

export function isMessageName(name: string): name is MessageName {
  return Object.hasOwn(MESSAGES, name)
}
