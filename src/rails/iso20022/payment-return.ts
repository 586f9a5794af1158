import { CURRENCIES, type CurrencyTable } from '../../contract/names.ts'
import { err, ok, type Result } from '../../domain/result.ts'
import type { RailOrder, RailOutcome } from '../port.ts'
import { exponentOf, readAmount } from './amount.ts'
import { unknown } from './classify.ts'
import {
  bareAmount,
  MAX35,
  one,
  ORIGINAL_GROUP,
  optionalText,
  parts,
  reasonsIn,
  text,
  UETR,
  UTC_TIME,
  type Reason,
  type WireAmount,
} from './element.ts'
import { idsOf, MESSAGE_NAME, namespaceOf } from './messages.ts'
import { MalformedMessage, readXml } from './xml.ts'

/**
 * pacs.004 as the bank sends it to us: a payOut that bounced, or a collect its
 * debtor claimed back. It changes no outcome; it says how much of a settled one
 * has come back (connectors.md §1.2).
 */
export type PaymentReturn = {
  returnId: string
  originalMessageId: string
  originalMessageName: string
  originalInstructionId: string | null
  originalEndToEndId: string
  originalTxId: string
  originalUetr: string
  originalAmount: WireAmount
  amount: WireAmount
  total: WireAmount
  reasons: Reason[]
}

const HEADER = [
  'MsgId!',
  'CreDtTm!',
  'Authstn*',
  'BtchBookg',
  'NbOfTxs!',
  'CtrlSum',
  'GrpRtr',
  'TtlRtrdIntrBkSttlmAmt!$',
  'IntrBkSttlmDt!',
  'SttlmInf!',
  'PmtTpInf',
  'InstgAgt',
  'InstdAgt',
]
/** As far as the amounts and the reason; what lies between and behind is the bank's. */
const TRANSACTION = [
  'RtrId!',
  'OrgnlGrpInf!',
  'OrgnlInstrId',
  'OrgnlEndToEndId!',
  'OrgnlTxId!',
  'OrgnlUETR!',
  'OrgnlClrSysRef',
  'OrgnlIntrBkSttlmAmt!$',
  'OrgnlIntrBkSttlmDt',
  'PmtTpInf',
  'RtrdIntrBkSttlmAmt!$',
  'IntrBkSttlmDt!',
  'SttlmPrty',
  'SttlmTmIndctn',
  'SttlmTmReq',
  'RtrdInstdAmt$',
  'XchgRate',
  'CompstnAmt$',
  'ChrgBr',
  'ChrgsInf*',
  'ClrSysRef',
  'InstgAgt',
  'InstdAgt',
  'RtrChain',
  'RtrRsnInf!*',
  'OrgnlTxRef',
  'SplmtryData*',
]
const DATE = /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/

/** The debtor says that it never agreed (no mandate), or wants a collect back. */
const CLAIMED_BACK: ReadonlySet<string> = new Set(['MD01', 'MD06'])

/** The return in a body, or why it is none of our profile. */
export function readPaymentReturn(body: Uint8Array): Result<PaymentReturn, string> {
  try {
    const root = readXml(body)
    if (root.name !== 'Document' || root.attributes['xmlns'] !== namespaceOf(MESSAGE_NAME.refund)) {
      throw new MalformedMessage('not a pacs.004.001.11')
    }
    const message = parts(one(parts(root, ['PmtRtr!']), 'PmtRtr'), ['GrpHdr!', 'TxInf!'])
    const header = parts(one(message, 'GrpHdr'), HEADER)
    text(one(header, 'MsgId'), MAX35)
    text(one(header, 'CreDtTm'), UTC_TIME)
    text(one(header, 'NbOfTxs'), /^1$/)
    text(one(header, 'IntrBkSttlmDt'), DATE)
    const transaction = parts(one(message, 'TxInf'), TRANSACTION)
    const original = parts(one(transaction, 'OrgnlGrpInf'), ORIGINAL_GROUP)
    text(one(transaction, 'IntrBkSttlmDt'), DATE)
    return ok({
      returnId: text(one(transaction, 'RtrId'), MAX35),
      originalMessageId: text(one(original, 'OrgnlMsgId'), MAX35),
      originalMessageName: text(one(original, 'OrgnlMsgNmId'), MAX35),
      originalInstructionId: optionalText(transaction, 'OrgnlInstrId', MAX35),
      originalEndToEndId: text(one(transaction, 'OrgnlEndToEndId'), MAX35),
      originalTxId: text(one(transaction, 'OrgnlTxId'), MAX35),
      originalUetr: text(one(transaction, 'OrgnlUETR'), UETR),
      originalAmount: bareAmount(one(transaction, 'OrgnlIntrBkSttlmAmt')),
      amount: bareAmount(one(transaction, 'RtrdIntrBkSttlmAmt')),
      total: bareAmount(one(header, 'TtlRtrdIntrBkSttlmAmt')),
      reasons: reasonsIn(transaction, 'RtrRsnInf'),
    })
  } catch (error) {
    if (error instanceof MalformedMessage) return err(error.message)
    throw error
  }
}

/** What an authentic return says about an order: that much of it came back, or nothing we may act upon. */
export function classifyReturn(said: PaymentReturn, order: RailOrder, currencies = CURRENCIES): RailOutcome {
  const mismatch = otherTransaction(said, order)
  if (mismatch !== null) return unknown(`return of ${mismatch}`, true)
  const amounts = amountsOf(said, order, currencies)
  if (typeof amounts === 'string') return unknown(`return with ${amounts}`, true)
  const [reason] = said.reasons
  if (reason === undefined || said.reasons.length > 1) return unknown('return without one reason', true)
  const word = 'code' in reason ? reason.code : reason.proprietary
  return {
    kind: 'returned',
    amountMinor: amounts.returnedMinor,
    reason: word,
    evidence: { via: 'callback', id: said.returnId, status: `returned ${word}`, railReference: null },
    ...(order.operation === 'collect' && CLAIMED_BACK.has(word) ? { disputed: true as const } : {}),
  }
}

function otherTransaction(said: PaymentReturn, order: RailOrder): string | null {
  // A return of a return does not exist (AG13): a refund that bounces would be a payment of its own.
  if (order.operation === 'refund') return 'a refund'
  const ours = idsOf(order)
  if (said.originalTxId !== order.reference) return 'another transaction id'
  if (said.originalEndToEndId !== ours.endToEndId) return 'another end-to-end id'
  if (said.originalInstructionId !== null && said.originalInstructionId !== ours.instructionId)
    return 'another instruction id'
  if (said.originalMessageId !== order.reference) return 'another message id'
  if (said.originalMessageName !== ours.messageName) return 'another message type'
  return said.originalUetr === ours.uetr ? null : 'another UETR'
}

function amountsOf(
  said: PaymentReturn,
  order: RailOrder,
  currencies: CurrencyTable,
): { returnedMinor: bigint } | string {
  const texts = [said.originalAmount, said.amount, said.total]
  if (texts.some(({ currency }) => currency !== order.currency)) return 'another currency'
  const exponent = exponentOf(order.currency, currencies)
  const [originalMinor, returnedMinor, totalMinor] = texts.map(({ text: amount }) => readAmount(amount, exponent))
  if (originalMinor == null || returnedMinor == null || totalMinor == null) return 'an ill-formed amount'
  if (originalMinor !== order.amountMinor) return 'another original amount'
  if (totalMinor !== returnedMinor) return 'a total that is not its amount'
  if (returnedMinor <= 0n || returnedMinor > originalMinor) return 'more than the original, or nothing'
  return { returnedMinor }
}
