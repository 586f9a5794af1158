import { createHash } from 'node:crypto'
import type { Operation } from '../entry.ts'
import { readAmount } from './amount.ts'
import { isMessageName, MESSAGES, NAMESPACE, type MessageName } from './profile.ts'
import { misshape, type Fault } from './shape.ts'
import { canonicalText, nodeAt, readXml, textAt, XmlUnreadable, type XmlNode } from './xml.ts'

/** What a message from a client says, once it is found to be of the profile. */

export type PaymentMessage = {
  kind: 'payment'
  operation: Operation
  name: MessageName
  messageId: string
  reference: string
  endToEndId: string
  uetr: string
  amountMinor: bigint
  currency: string
  /** The customer's account; '' for a refund, whose original names it. */
  account: string
  /** The client's own account at this bank; '' for a refund. */
  ownAccount: string
  mandateId: string
  mandateSignedOn: string
  /** The refund's original, '' otherwise. */
  original: string
  originalAmountMinor: bigint
  /** The acceptance time of a credit transfer, else the creation time: what the 20 s rule looks at. */
  instructedAtMs: number
  /** sha-256 of the transaction part; says whether a resend is the same payment. */
  contentHash: string
}

export type InquiryMessage = {
  kind: 'inquiry'
  messageId: string
  originalName: string
  originalMessageId: string
  originalEndToEndId: string
  reference: string
  uetr: string
}

export type Received =
  | PaymentMessage
  | InquiryMessage
  /** Readable enough to be refused by a pacs.002; `messageId` is NOTPROVIDED when there is none. */
  | { kind: 'malformed'; name: string; messageId: string; fault: Fault }
  | { kind: 'unreadable'; why: string }

export function receive(body: Uint8Array): Received {
  let document: XmlNode
  try {
    document = readXml(body)
  } catch (error) {
    if (error instanceof XmlUnreadable) return { kind: 'unreadable', why: error.message }
    throw error
  }
  const space = document.attributes['xmlns'] ?? ''
  if (document.name !== 'Document' || !space.startsWith(NAMESPACE))
    return { kind: 'unreadable', why: 'not an ISO 20022 document' }
  const name = space.slice(NAMESPACE.length)
  const content = document.children[0]
  const messageId = content === undefined ? '' : textAt(content, 'GrpHdr/MsgId')
  const malformed = (fault: Fault): Received => ({
    kind: 'malformed',
    name: /^[a-z]{4}\.\d{3}\.\d{3}\.\d{2}$/.test(name) ? name : 'NOTPROVIDED',
    messageId: /^[A-Za-z0-9/\-?:().,'+ ]{1,35}$/.test(messageId) ? messageId : 'NOTPROVIDED',
    fault,
  })
  if (!isMessageName(name)) return malformed({ code: 'FF01', path: 'Document', text: 'message type unsupported' })
  const { root, shape, transaction } = MESSAGES[name]
  if (content === undefined || content.name !== root || document.children.length > 1)
    return malformed({ code: 'FF01', path: 'Document', text: `needs ${root} alone` })
  if (Object.keys(document.attributes).length > 1)
    return malformed({ code: 'FF01', path: 'Document', text: 'has attributes beside xmlns' })
  const wrong = misshape(content, shape, root)
  if (wrong !== null) return malformed(wrong)
  const part = nodeAt(content, transaction)
  if (part === null) throw new Error(`${name} passed its shape without ${transaction}`)
  if (name === 'pacs.028.001.05') return inquiry(content, part)
  const read = payment(name, content, part)
  return 'code' in read ? malformed(read) : read
}

function inquiry(content: XmlNode, part: XmlNode): InquiryMessage {
  const reference = textAt(part, 'OrgnlTxId')
  return {
    kind: 'inquiry',
    messageId: textAt(content, 'GrpHdr/MsgId'),
    originalName: textAt(part, 'OrgnlGrpInf/OrgnlMsgNmId'),
    originalMessageId: textAt(part, 'OrgnlGrpInf/OrgnlMsgId'),
    originalEndToEndId: textAt(part, 'OrgnlEndToEndId') || reference,
    reference,
    uetr: textAt(part, 'OrgnlUETR'),
  }
}

function payment(
  name: Exclude<MessageName, 'pacs.028.001.05'>,
  content: XmlNode,
  part: XmlNode,
): PaymentMessage | Fault {
  const refund = name === 'pacs.004.001.11'
  const amountPath = refund ? 'RtrdIntrBkSttlmAmt' : 'IntrBkSttlmAmt'
  const amount = amountAt(part, amountPath)
  if ('code' in amount) return amount
  const total = amountAt(content, refund ? 'GrpHdr/TtlRtrdIntrBkSttlmAmt' : 'GrpHdr/TtlIntrBkSttlmAmt')
  if ('code' in total) return total
  if (total.minor !== amount.minor || total.currency !== amount.currency)
    return { code: 'AM09', path: 'GrpHdr', text: 'the total is not the amount' }
  const sum = textAt(content, 'GrpHdr/CtrlSum')
  if (sum !== '' && sum !== nodeAt(part, amountPath)?.text)
    return { code: 'AM09', path: 'GrpHdr/CtrlSum', text: 'the control sum is not the amount' }
  const createdAt = textAt(content, 'GrpHdr/CreDtTm')
  const common = {
    kind: 'payment' as const,
    name,
    messageId: textAt(content, 'GrpHdr/MsgId'),
    amountMinor: amount.minor,
    currency: amount.currency,
    instructedAtMs: Date.parse(textAt(part, 'AccptncDtTm') || createdAt),
    contentHash: createHash('sha256').update(canonicalText(part)).digest('base64'),
  }
  if (refund) {
    const original = amountAt(part, 'OrgnlIntrBkSttlmAmt')
    if ('code' in original) return original
    if (original.currency !== amount.currency)
      return { code: 'AM09', path: 'TxInf/OrgnlIntrBkSttlmAmt', text: 'two currencies' }
    if (textAt(part, 'OrgnlGrpInf/OrgnlMsgNmId') !== 'pacs.003.001.09')
      return { code: 'FF01', path: 'TxInf/OrgnlGrpInf', text: 'only a direct debit is returned by its creditor' }
    return {
      ...common,
      operation: 'refund',
      reference: textAt(part, 'RtrId'),
      endToEndId: textAt(part, 'OrgnlEndToEndId'),
      uetr: textAt(part, 'OrgnlUETR'),
      account: '',
      ownAccount: '',
      mandateId: '',
      mandateSignedOn: '',
      original: textAt(part, 'OrgnlTxId'),
      originalAmountMinor: original.minor,
    }
  }
  const reference = textAt(part, 'PmtId/TxId')
  if (textAt(part, 'PmtId/InstrId') !== reference || textAt(part, 'PmtId/EndToEndId') !== reference)
    return { code: 'FF01', path: 'PmtId', text: 'InstrId, EndToEndId and TxId are one reference in this profile' }
  const collect = name === 'pacs.003.001.09'
  if (!collect && amount.currency === 'EUR' && textAt(content, 'GrpHdr/PmtTpInf/SvcLvl/Cd') !== 'SEPA')
    return { code: 'CH21', path: 'GrpHdr/PmtTpInf/SvcLvl', text: 'missing for EUR' }
  const debtor = accountAt(part, 'DbtrAcct')
  const creditor = accountAt(part, 'CdtrAcct')
  return {
    ...common,
    operation: collect ? 'collect' : 'payOut',
    reference,
    endToEndId: reference,
    uetr: textAt(part, 'PmtId/UETR'),
    account: collect ? debtor : creditor,
    ownAccount: collect ? creditor : debtor,
    mandateId: textAt(part, 'DrctDbtTx/MndtRltdInf/MndtId'),
    mandateSignedOn: textAt(part, 'DrctDbtTx/MndtRltdInf/DtOfSgntr'),
    original: '',
    originalAmountMinor: 0n,
  }
}

function accountAt(part: XmlNode, path: string): string {
  return textAt(part, `${path}/Id/IBAN`) || textAt(part, `${path}/Id/Othr/Id`)
}

function amountAt(node: XmlNode, path: string): { minor: bigint; currency: string } | Fault {
  const found = nodeAt(node, path)
  const currency = found?.attributes['Ccy'] ?? ''
  const read = readAmount(found?.text ?? '', currency)
  return read.ok ? { minor: read.minor, currency } : { code: read.code, path, text: 'is not an amount of its currency' }
}
