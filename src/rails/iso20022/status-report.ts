import { err, ok, type Result } from '../../domain/result.ts'
import { MESSAGE_NAME, namespaceOf } from './messages.ts'
import {
  bareAmount,
  CODE,
  first,
  MAX35,
  one,
  optionalText,
  ORIGINAL_GROUP,
  parts,
  reasonsIn,
  text,
  UETR,
  UTC_TIME,
  type Reason,
  type WireAmount,
} from './element.ts'
import { MalformedMessage, readXml, type XmlElement } from './xml.ts'

/**
 * pacs.002.001.12 by our profile (connectors.md §1.1): the schema's elements in
 * the schema's order, those we rely on checked to the character, the others
 * passed over. One group or one transaction a report.
 */
export type StatusReport = {
  messageId: string
  /** Says something about a message as a whole: only for unreadable ones. */
  group: { originalMessageId: string; originalMessageName: string; status: string | null; reasons: Reason[] } | null
  transaction: TransactionStatus | null
}

export type TransactionStatus = {
  statusId: string
  originalMessageId: string
  originalMessageName: string
  originalInstructionId: string | null
  originalEndToEndId: string
  originalTxId: string
  originalUetr: string
  /** Four capital letters; absent in a "never received". */
  status: string | null
  reasons: Reason[]
  /** The bank's reference of the movement. */
  railReference: string | null
  /** As it stands on the wire; whether it is ours is decided with the order at hand. */
  amount: WireAmount | null
}

const GROUP_HEADER = ['MsgId!', 'CreDtTm!', 'InstgAgt', 'InstdAgt', 'OrgnlBizQry']
const REPORT = ['GrpHdr!', 'OrgnlGrpInfAndSts', 'TxInfAndSts']
const GROUP_STATUS = [
  'OrgnlMsgId!',
  'OrgnlMsgNmId!',
  'OrgnlCreDtTm',
  'OrgnlNbOfTxs',
  'OrgnlCtrlSum',
  'GrpSts',
  'StsRsnInf*',
  'NbOfTxsPerSts*',
]
const TRANSACTION = [
  'StsId!',
  'OrgnlGrpInf!',
  'OrgnlInstrId',
  'OrgnlEndToEndId!',
  'OrgnlTxId!',
  'OrgnlUETR!',
  'TxSts',
  'StsRsnInf*',
  'ChrgsInf*',
  'AccptncDtTm',
  'FctvIntrBkSttlmDt',
  'AcctSvcrRef',
  'ClrSysRef',
  'InstgAgt',
  'InstdAgt',
  'OrgnlTxRef',
  'SplmtryData*',
]
/** The schema's first element is all we read of the original transaction; the rest is the bank's. */
const ORIGINAL_AMOUNT = 'IntrBkSttlmAmt'

/** The report in a body, or why it is none of ours. */
export function readStatusReport(body: Uint8Array): Result<StatusReport, string> {
  try {
    const root = readXml(body)
    if (root.name !== 'Document' || root.attributes['xmlns'] !== namespaceOf(MESSAGE_NAME.status)) {
      throw new MalformedMessage('not a pacs.002.001.12')
    }
    const document = parts(root, ['FIToFIPmtStsRpt!'])
    const report = parts(one(document, 'FIToFIPmtStsRpt'), REPORT)
    const header = parts(one(report, 'GrpHdr'), GROUP_HEADER)
    text(one(header, 'CreDtTm'), UTC_TIME)
    const group = first(report, 'OrgnlGrpInfAndSts')
    const transaction = first(report, 'TxInfAndSts')
    if (group === null && transaction === null) throw new MalformedMessage('about no message and no transaction')
    return ok({
      messageId: text(one(header, 'MsgId'), MAX35),
      group: group === null ? null : groupOf(group),
      transaction: transaction === null ? null : transactionOf(transaction),
    })
  } catch (error) {
    if (error instanceof MalformedMessage) return err(error.message)
    throw error
  }
}

function groupOf(element: XmlElement): NonNullable<StatusReport['group']> {
  const group = parts(element, GROUP_STATUS)
  return {
    originalMessageId: text(one(group, 'OrgnlMsgId'), MAX35),
    originalMessageName: text(one(group, 'OrgnlMsgNmId'), MAX35),
    status: optionalText(group, 'GrpSts', CODE),
    reasons: reasonsIn(group, 'StsRsnInf'),
  }
}

function transactionOf(element: XmlElement): TransactionStatus {
  const transaction = parts(element, TRANSACTION)
  const original = parts(one(transaction, 'OrgnlGrpInf'), ORIGINAL_GROUP)
  return {
    statusId: text(one(transaction, 'StsId'), MAX35),
    originalMessageId: text(one(original, 'OrgnlMsgId'), MAX35),
    originalMessageName: text(one(original, 'OrgnlMsgNmId'), MAX35),
    originalInstructionId: optionalText(transaction, 'OrgnlInstrId', MAX35),
    originalEndToEndId: text(one(transaction, 'OrgnlEndToEndId'), MAX35),
    originalTxId: text(one(transaction, 'OrgnlTxId'), MAX35),
    originalUetr: text(one(transaction, 'OrgnlUETR'), UETR),
    status: optionalText(transaction, 'TxSts', CODE),
    reasons: reasonsIn(transaction, 'StsRsnInf'),
    railReference: optionalText(transaction, 'AcctSvcrRef', MAX35),
    amount: amountOf(first(transaction, 'OrgnlTxRef')),
  }
}

function amountOf(original: XmlElement | null): TransactionStatus['amount'] {
  const element = original?.children[0]
  if (element === undefined || element.name !== ORIGINAL_AMOUNT) return null
  return bareAmount(element)
}
