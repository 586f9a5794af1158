import { CURRENCIES, type CurrencyTable } from '../../contract/names.ts'
import { timestamp } from '../../domain/clock.ts'
import type { RailOperation } from '../../domain/attempt.ts'
import type { OriginalCollect, RailOrder } from '../port.ts'
import { writeAmount } from './amount.ts'
import { escapeXml, schemeText } from './text.ts'

/**
 * The messages we write (connectors.md §1.1): one transaction each, every
 * element in the schema's order. All that a bank compares comes from the order,
 * so that a resend is the same transaction; only its HTTP signature is new.
 */

export const MESSAGE_NAME = {
  collect: 'pacs.003.001.09',
  payOut: 'pacs.008.001.08',
  refund: 'pacs.004.001.11',
  inquiry: 'pacs.028.001.05',
  status: 'pacs.002.001.12',
} as const

export const namespaceOf = (messageName: string): string => `urn:iso:std:iso:20022:tech:xsd:${messageName}`

/** Message name an order is sent as; what a status report must name as its original. */
export function messageNameOf(operation: RailOperation): string {
  return MESSAGE_NAME[operation]
}

/** The ids an answer about an order must name as its original's. */
export function idsOf(order: RailOrder): {
  messageName: string
  endToEndId: string
  instructionId: string
  uetr: string
} {
  // A return has no instruction, end-to-end id and UETR of its own: those are the collect's that it gives back.
  const { reference, uetr } = order.operation === 'refund' ? originalOf(order) : order
  return { messageName: messageNameOf(order.operation), endToEndId: reference, instructionId: reference, uetr }
}

function originalOf(order: RailOrder): OriginalCollect {
  if (order.original === null) throw new RangeError('a refund needs the collect it gives back')
  return order.original
}

/** Our side of every transaction, and the bank that keeps the customers' accounts. */
export type PlatformAccount = {
  /** ≤ 140 characters, shown to customers. */
  name: string
  iban: string
  bic: string
  /** BIC of the bank behind this rail, where customers have their accounts. */
  customerBic: string
}

const REFERENCE = /^[A-Za-z0-9]{1,30}$/
const UETR = /^[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}$/
const IBAN = /^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$/
const DATE = /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/
const NAME_MAX = 140
const MANDATE_MAX = 35

/** A value that must fit as it is: names of people may be bent, references never. */
function exact(value: string, pattern: RegExp, what: string): string {
  if (!pattern.test(value)) throw new RangeError(`${what} does not fit a bank message`)
  return value
}

const name = (value: string): string => escapeXml(schemeText(value, NAME_MAX, 'NOTPROVIDED'))
const account = (iban: string): string => `<Id><IBAN>${exact(iban, IBAN, 'IBAN')}</IBAN></Id>`
const agent = (bic: string): string => `<FinInstnId><BICFI>${bic}</BICFI></FinInstnId>`

/** The customer's account, which at a bank has an IBAN. */
function customer(order: RailOrder): { holder: string; iban: string } {
  if (order.account.type !== 'iban') throw new RangeError('a bank account needs an IBAN')
  return { holder: name(order.account.holder), iban: account(order.account.iban) }
}

function document(messageName: string, content: string): Buffer {
  return Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?><Document xmlns="${namespaceOf(messageName)}">${content}</Document>`,
  )
}

/** Fields both payment messages share, checked once. */
function common(
  order: RailOrder,
  currencies: CurrencyTable,
): {
  id: string
  at: string
  date: string
  amount: (tag: string) => string
  pmtId: string
} {
  if (order.step !== 'submit') throw new RangeError(`a bank knows no step ${order.step}`)
  const id = exact(order.reference, REFERENCE, 'reference')
  const at = timestamp(order.dispatchedAtMs)
  const text = writeAmount(order.amountMinor, order.currency, currencies)
  return {
    id,
    at,
    date: at.slice(0, 10),
    amount: (tag) => `<${tag} Ccy="${order.currency}">${text}</${tag}>`,
    pmtId:
      `<PmtId><InstrId>${id}</InstrId><EndToEndId>${id}</EndToEndId><TxId>${id}</TxId>` +
      `<UETR>${exact(order.uetr, UETR, 'UETR')}</UETR></PmtId>`,
  }
}

/** pacs.003: we are the creditor, the customer is debited under a mandate. */
export function collectMessage(order: RailOrder, us: PlatformAccount, currencies = CURRENCIES): Buffer {
  if (order.mandate === null) throw new RangeError('a collect needs a mandate')
  const { id, at, date, amount, pmtId } = common(order, currencies)
  const { holder, iban } = customer(order)
  const mandateId = escapeXml(order.mandate.id)
  if (order.mandate.id.length < 1 || order.mandate.id.length > MANDATE_MAX)
    throw new RangeError('mandate id does not fit')
  return document(
    MESSAGE_NAME.collect,
    `<FIToFICstmrDrctDbt><GrpHdr><MsgId>${id}</MsgId><CreDtTm>${at}</CreDtTm><NbOfTxs>1</NbOfTxs>` +
      `${amount('TtlIntrBkSttlmAmt')}<IntrBkSttlmDt>${date}</IntrBkSttlmDt><SttlmInf><SttlmMtd>CLRG</SttlmMtd></SttlmInf></GrpHdr>` +
      `<DrctDbtTxInf>${pmtId}<PmtTpInf><LclInstrm><Prtry>INST</Prtry></LclInstrm><SeqTp>RCUR</SeqTp></PmtTpInf>` +
      `${amount('IntrBkSttlmAmt')}<ChrgBr>SLEV</ChrgBr><ReqdColltnDt>${date}</ReqdColltnDt>` +
      `<DrctDbtTx><MndtRltdInf><MndtId>${mandateId}</MndtId>` +
      `<DtOfSgntr>${exact(order.mandate.signedOn, DATE, 'date of the mandate')}</DtOfSgntr></MndtRltdInf></DrctDbtTx>` +
      `<Cdtr><Nm>${name(us.name)}</Nm></Cdtr><CdtrAcct>${account(us.iban)}</CdtrAcct><CdtrAgt>${agent(us.bic)}</CdtrAgt>` +
      `<Dbtr><Nm>${holder}</Nm></Dbtr><DbtrAcct>${iban}</DbtrAcct>` +
      `<DbtrAgt>${agent(us.customerBic)}</DbtrAgt>${remittance(order)}</DrctDbtTxInf></FIToFICstmrDrctDbt>`,
  )
}

/** pacs.008: we are the debtor, the customer is credited. */
export function payOutMessage(order: RailOrder, us: PlatformAccount, currencies = CURRENCIES): Buffer {
  const { id, at, date, amount, pmtId } = common(order, currencies)
  const { holder, iban } = customer(order)
  const serviceLevel = order.currency === 'EUR' ? '<SvcLvl><Cd>SEPA</Cd></SvcLvl>' : ''
  return document(
    MESSAGE_NAME.payOut,
    `<FIToFICstmrCdtTrf><GrpHdr><MsgId>${id}</MsgId><CreDtTm>${at}</CreDtTm><NbOfTxs>1</NbOfTxs>` +
      `${amount('TtlIntrBkSttlmAmt')}<IntrBkSttlmDt>${date}</IntrBkSttlmDt><SttlmInf><SttlmMtd>CLRG</SttlmMtd></SttlmInf>` +
      `<PmtTpInf>${serviceLevel}<LclInstrm><Cd>INST</Cd></LclInstrm></PmtTpInf></GrpHdr>` +
      `<CdtTrfTxInf>${pmtId}${amount('IntrBkSttlmAmt')}<AccptncDtTm>${at}</AccptncDtTm><ChrgBr>SLEV</ChrgBr>` +
      `<Dbtr><Nm>${name(us.name)}</Nm></Dbtr><DbtrAcct>${account(us.iban)}</DbtrAcct><DbtrAgt>${agent(us.bic)}</DbtrAgt>` +
      `<CdtrAgt>${agent(us.customerBic)}</CdtrAgt><Cdtr><Nm>${holder}</Nm></Cdtr>` +
      `<CdtrAcct>${iban}</CdtrAcct>${remittance(order)}</CdtTrfTxInf></FIToFICstmrCdtTrf>`,
  )
}

function remittance(order: RailOrder): string {
  return `<RmtInf><Ustrd>${escapeXml(schemeText(order.description, NAME_MAX, order.reference))}</Ustrd></RmtInf>`
}

/** pacs.004: we give a collect back to its debtor, whole or in part. */
export function refundMessage(order: RailOrder, currencies = CURRENCIES): Buffer {
  const original = originalOf(order)
  const { id, at, date, amount } = common(order, currencies)
  if (order.amountMinor > original.amountMinor) throw new RangeError('a refund is at most the collect it gives back')
  const originalId = exact(original.reference, REFERENCE, 'reference of the original')
  const originalText = writeAmount(original.amountMinor, order.currency, currencies)
  return document(
    MESSAGE_NAME.refund,
    `<PmtRtr><GrpHdr><MsgId>${id}</MsgId><CreDtTm>${at}</CreDtTm><NbOfTxs>1</NbOfTxs>${amount('TtlRtrdIntrBkSttlmAmt')}` +
      `<IntrBkSttlmDt>${date}</IntrBkSttlmDt><SttlmInf><SttlmMtd>CLRG</SttlmMtd></SttlmInf></GrpHdr>` +
      `<TxInf><RtrId>${id}</RtrId><OrgnlGrpInf><OrgnlMsgId>${originalId}</OrgnlMsgId>` +
      `<OrgnlMsgNmId>${MESSAGE_NAME.collect}</OrgnlMsgNmId></OrgnlGrpInf><OrgnlEndToEndId>${originalId}</OrgnlEndToEndId>` +
      `<OrgnlTxId>${originalId}</OrgnlTxId><OrgnlUETR>${exact(original.uetr, UETR, 'UETR of the original')}</OrgnlUETR>` +
      `<OrgnlIntrBkSttlmAmt Ccy="${order.currency}">${originalText}</OrgnlIntrBkSttlmAmt>` +
      `${amount('RtrdIntrBkSttlmAmt')}<IntrBkSttlmDt>${date}</IntrBkSttlmDt>` +
      `<RtrRsnInf><Rsn><Cd>${REFUND_REASON}</Cd></Rsn></RtrRsnInf></TxInf></PmtRtr>`,
  )
}

/** Why we return: the customer asked, whatever the merchant's own reason. */
const REFUND_REASON = 'CUST'

/** @throws RangeError for an order that no message can carry. */
export function paymentMessage(order: RailOrder, us: PlatformAccount, currencies = CURRENCIES): Buffer {
  switch (order.operation) {
    case 'collect':
      return collectMessage(order, us, currencies)
    case 'payOut':
      return payOutMessage(order, us, currencies)
    case 'refund':
      return refundMessage(order, currencies)
  }
}

/** pacs.028: what became of this order? `inquiryId` is the question's own, never the payment's reference. */
export function inquiryMessage(order: RailOrder, inquiryId: string, nowMs: number): Buffer {
  const id = exact(order.reference, REFERENCE, 'reference')
  const { messageName, endToEndId, uetr } = idsOf(order)
  return document(
    MESSAGE_NAME.inquiry,
    `<FIToFIPmtStsReq><GrpHdr><MsgId>${inquiryId}</MsgId><CreDtTm>${timestamp(nowMs)}</CreDtTm></GrpHdr>` +
      `<TxInf><StsReqId>${inquiryId}</StsReqId><OrgnlGrpInf><OrgnlMsgId>${id}</OrgnlMsgId>` +
      `<OrgnlMsgNmId>${messageName}</OrgnlMsgNmId></OrgnlGrpInf>` +
      `<OrgnlEndToEndId>${exact(endToEndId, REFERENCE, 'reference')}</OrgnlEndToEndId><OrgnlTxId>${id}</OrgnlTxId>` +
      `<OrgnlUETR>${exact(uetr, UETR, 'UETR')}</OrgnlUETR></TxInf></FIToFIPmtStsReq>`,
  )
}
