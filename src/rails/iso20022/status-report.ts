import { err, ok, type Result } from '../../domain/result.ts'
import { MESSAGE_NAME, namespaceOf } from './messages.ts'
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
  amount: { text: string; currency: string } | null
}

export type Reason = { code: string } | { proprietary: string }

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
const ORIGINAL_GROUP = ['OrgnlMsgId!', 'OrgnlMsgNmId!', 'OrgnlCreDtTm']
const REASON_INFORMATION = ['Orgtr', 'Rsn', 'AddtlInf*']
const REASON = ['Cd', 'Prtry']
/** The schema's first element is all we read of the original transaction; the rest is the bank's. */
const ORIGINAL_AMOUNT = 'IntrBkSttlmAmt'

const MAX35 = /^[^\s](?:.{0,33}[^\s])?$/u
const CODE = /^[A-Z0-9]{1,4}$/
const UTC_TIME = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?Z$/
const UETR = /^[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}$/
const AMOUNT = /^[0-9.]{1,19}$/
const CURRENCY = /^[A-Z]{3}$/

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
    reasons: reasonsOf(group),
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
    reasons: reasonsOf(transaction),
    railReference: optionalText(transaction, 'AcctSvcrRef', MAX35),
    amount: amountOf(first(transaction, 'OrgnlTxRef')),
  }
}

function reasonsOf(holder: Parts): Reason[] {
  return (holder.get('StsRsnInf') ?? []).flatMap((element): Reason[] => {
    const reason = first(parts(element, REASON_INFORMATION), 'Rsn')
    if (reason === null) return []
    const choice = parts(reason, REASON)
    const code = optionalText(choice, 'Cd', CODE)
    const proprietary = optionalText(choice, 'Prtry', MAX35)
    if (code !== null && proprietary === null) return [{ code }]
    if (proprietary !== null && code === null) return [{ proprietary }]
    throw new MalformedMessage('a reason is one code or one proprietary word')
  })
}

function amountOf(original: XmlElement | null): TransactionStatus['amount'] {
  const element = original?.children[0]
  if (element === undefined || element.name !== ORIGINAL_AMOUNT) return null
  const currency = element.attributes['Ccy']
  if (Object.keys(element.attributes).length !== 1 || currency === undefined || !CURRENCY.test(currency)) {
    throw new MalformedMessage('amount without its currency')
  }
  if (element.children.length > 0 || !AMOUNT.test(element.text)) throw new MalformedMessage('amount is not plain')
  return { text: element.text, currency }
}

type Parts = Map<string, XmlElement[]>

/**
 * Children of a sequence by name. `!` marks what must be there, `*` what may
 * repeat; anything unlisted, repeated or out of order is malformed.
 */
function parts(element: XmlElement, sequence: readonly string[]): Parts {
  if (element.text.trim() !== '') throw new MalformedMessage(`text in ${element.name}`)
  const found: Parts = new Map()
  let at = 0
  for (const child of element.children) {
    while (at < sequence.length && bare(sequence[at]) !== child.name) at++
    const entry = sequence[at]
    if (entry === undefined) throw new MalformedMessage(`${child.name} does not belong there in ${element.name}`)
    const list = found.get(child.name)
    if (list === undefined) found.set(child.name, [child])
    else if (entry.endsWith('*')) list.push(child)
    else throw new MalformedMessage(`${child.name} twice in ${element.name}`)
    if (child.name !== 'Document' && Object.keys(child.attributes).length > 0) {
      throw new MalformedMessage(`attribute on ${child.name}`)
    }
  }
  for (const entry of sequence) {
    if (entry.endsWith('!') && !found.has(bare(entry)))
      throw new MalformedMessage(`${bare(entry)} missing in ${element.name}`)
  }
  return found
}

const bare = (entry: string | undefined): string => (entry ?? '').replace(/[!*]$/, '')

const first = (holder: Parts, name: string): XmlElement | null => holder.get(name)?.[0] ?? null

function one(holder: Parts, name: string): XmlElement {
  const element = first(holder, name)
  if (element === null) throw new MalformedMessage(`${name} missing`)
  return element
}

function text(element: XmlElement, pattern: RegExp): string {
  if (element.children.length > 0 || !pattern.test(element.text))
    throw new MalformedMessage(`${element.name} is ill-formed`)
  return element.text
}

function optionalText(holder: Parts, name: string, pattern: RegExp): string | null {
  const element = first(holder, name)
  return element === null ? null : text(element, pattern)
}
