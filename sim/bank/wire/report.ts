import { randomUUID } from 'node:crypto'
import { writeAmount } from './amount.ts'
import { NAMESPACE } from './profile.ts'
import { escapeXml } from './xml.ts'

/** The messages the bank writes. */

/** Fresh ids of ≤ 35 characters; the letter says whose: B message, S status, A account servicer, T return. */
export function newId(letter: 'B' | 'S' | 'A' | 'T'): string {
  return letter + randomUUID().replaceAll('-', '')
}

export type Original = {
  messageId: string
  name: string
  endToEndId: string
  reference: string
  uetr: string
  hasInstruction: boolean
}

export type TransactionStatus = {
  original: Original
  statusId: string
  /** Absent only where the bank never received the original. */
  status: 'ACSC' | 'PDNG' | 'RJCT' | null
  reason: string | null
  note: string | null
  acceptedAtMs: number | null
  settledAtMs: number | null
  servicerReference: string | null
  amount: { minor: bigint; currency: string } | null
}

const iso = (ms: number) => new Date(ms).toISOString()

function report(nowMs: number, inside: string): string {
  return (
    `<?xml version="1.0" encoding="UTF-8"?><Document xmlns="${NAMESPACE}pacs.002.001.12"><FIToFIPmtStsRpt>` +
    `<GrpHdr><MsgId>${newId('B')}</MsgId><CreDtTm>${iso(nowMs)}</CreDtTm></GrpHdr>${inside}</FIToFIPmtStsRpt></Document>`
  )
}

function reasonInformation(code: string, note: string | null): string {
  const additional = note === null ? '' : `<AddtlInf>${escapeXml(note.slice(0, 105))}</AddtlInf>`
  return `<StsRsnInf><Rsn><Cd>${escapeXml(code)}</Cd></Rsn>${additional}</StsRsnInf>`
}

/** pacs.002 about one transaction. */
export function statusReport(nowMs: number, about: TransactionStatus): string {
  const { original } = about
  const element = (name: string, text: string | null) => (text === null ? '' : `<${name}>${escapeXml(text)}</${name}>`)
  const settled = about.settledAtMs === null ? '' : `<Dt>${iso(about.settledAtMs).slice(0, 10)}</Dt>`
  return report(
    nowMs,
    `<TxInfAndSts><StsId>${about.statusId}</StsId><OrgnlGrpInf>${element('OrgnlMsgId', original.messageId)}` +
      `${element('OrgnlMsgNmId', original.name)}</OrgnlGrpInf>` +
      element('OrgnlInstrId', original.hasInstruction ? original.reference : null) +
      element('OrgnlEndToEndId', original.endToEndId) +
      element('OrgnlTxId', original.reference) +
      element('OrgnlUETR', original.uetr) +
      element('TxSts', about.status) +
      (about.reason === null ? '' : reasonInformation(about.reason, about.note)) +
      element('AccptncDtTm', about.acceptedAtMs === null ? null : iso(about.acceptedAtMs)) +
      (settled === '' ? '' : `<FctvIntrBkSttlmDt>${settled}</FctvIntrBkSttlmDt>`) +
      element('AcctSvcrRef', about.servicerReference) +
      (about.amount === null
        ? ''
        : `<OrgnlTxRef><IntrBkSttlmAmt Ccy="${about.amount.currency}">` +
          `${writeAmount(about.amount.minor, about.amount.currency)}</IntrBkSttlmAmt></OrgnlTxRef>`) +
      '</TxInfAndSts>',
  )
}

/** pacs.004 about a payment the bank gives back, whole or in part. */
export function paymentReturn(
  nowMs: number,
  about: {
    original: Original
    originalMinor: bigint
    currency: string
    returnId: string
    minor: bigint
    reason: string
  },
): string {
  const { original, currency } = about
  const at = iso(nowMs)
  const element = (name: string, text: string) => `<${name}>${escapeXml(text)}</${name}>`
  const amount = (name: string, minor: bigint) => `<${name} Ccy="${currency}">${writeAmount(minor, currency)}</${name}>`
  return (
    `<?xml version="1.0" encoding="UTF-8"?><Document xmlns="${NAMESPACE}pacs.004.001.11"><PmtRtr>` +
    `<GrpHdr><MsgId>${newId('B')}</MsgId><CreDtTm>${at}</CreDtTm><NbOfTxs>1</NbOfTxs>` +
    `${amount('TtlRtrdIntrBkSttlmAmt', about.minor)}<IntrBkSttlmDt>${at.slice(0, 10)}</IntrBkSttlmDt>` +
    `<SttlmInf><SttlmMtd>CLRG</SttlmMtd></SttlmInf></GrpHdr><TxInf>${element('RtrId', about.returnId)}<OrgnlGrpInf>` +
    `${element('OrgnlMsgId', original.messageId)}${element('OrgnlMsgNmId', original.name)}</OrgnlGrpInf>` +
    element('OrgnlEndToEndId', original.endToEndId) +
    element('OrgnlTxId', original.reference) +
    element('OrgnlUETR', original.uetr) +
    amount('OrgnlIntrBkSttlmAmt', about.originalMinor) +
    amount('RtrdIntrBkSttlmAmt', about.minor) +
    `<IntrBkSttlmDt>${at.slice(0, 10)}</IntrBkSttlmDt>` +
    `<RtrRsnInf><Rsn>${element('Cd', about.reason)}</Rsn></RtrRsnInf></TxInf></PmtRtr></Document>`
  )
}

/** pacs.002 refusing a message as a whole. */
export function groupRejection(nowMs: number, messageId: string, name: string, code: string, note: string): string {
  return report(
    nowMs,
    `<OrgnlGrpInfAndSts><OrgnlMsgId>${escapeXml(messageId)}</OrgnlMsgId><OrgnlMsgNmId>${escapeXml(name)}</OrgnlMsgNmId>` +
      `<GrpSts>RJCT</GrpSts>${reasonInformation(code, note)}</OrgnlGrpInfAndSts>`,
  )
}

/** admi.002 for bytes that are no message at all. */
export function unreadableNotice(nowMs: number, why: string): string {
  return (
    `<?xml version="1.0" encoding="UTF-8"?><Document xmlns="${NAMESPACE}admi.002.001.01"><admi.002.001.01>` +
    `<RltdRef><Ref>NOTPROVIDED</Ref></RltdRef><Rsn><RjctgPtyRsn>FF01</RjctgPtyRsn><RjctnDtTm>${iso(nowMs)}</RjctnDtTm>` +
    `<RsnDesc>${escapeXml(why.slice(0, 350))}</RsnDesc></Rsn></admi.002.001.01></Document>`
  )
}
