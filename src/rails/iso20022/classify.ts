import { CURRENCIES, type CurrencyTable } from '../../contract/names.ts'
import type { Evidence, RailOrder, RailOutcome } from '../port.ts'
import { exponentOf, readAmount } from './amount.ts'
import { BLOCKED, declineOf, DUPLICATE, NEVER_RECEIVED, PENDING, REJECTED, SETTLED } from './codes.ts'
import type { Reason } from './element.ts'
import { idsOf, messageNameOf } from './messages.ts'
import type { StatusReport, TransactionStatus } from './status-report.ts'

/**
 * What an authentic status report says about an order: the whole of
 * connectors.md §1.5 as a function of values. Whatever is not an answer about
 * our reference, message, amount and currency is `unknown`.
 */
export type Statement = {
  via: Evidence['via']
  /** Null for a callback, which has no status of its own. */
  httpStatus: number | null
  report: StatusReport
}

export function classify(statement: Statement, order: RailOrder, currencies = CURRENCIES): RailOutcome {
  const { httpStatus, report, via } = statement
  switch (httpStatus) {
    case 400:
      return refusedMessage(statement, order)
    case 409:
      return unknown('409: the reference was used with other content', true)
    case null:
    case 200:
    case 202:
      return transactionOutcome(statement, order, currencies)
    case 404:
      return via === 'inquiry' ? neverReceived(report, order) : unknown('404 to a payment', true)
    default:
      return unknown(
        `status ${httpStatus}`,
        httpStatus < 500 && httpStatus !== 429 && httpStatus !== 408 && httpStatus !== 425,
      )
  }
}

function transactionOutcome(
  { via, httpStatus, report }: Statement,
  order: RailOrder,
  currencies: CurrencyTable,
): RailOutcome {
  const transaction = report.transaction
  if (transaction === null || report.group !== null) return unknown('not about one transaction', false)
  const mismatch = otherTransaction(transaction, order) ?? otherAmount(transaction, order, currencies)
  if (mismatch !== null) return unknown(mismatch, true)
  const status = transaction.status
  if (status === null) return unknown('no transaction status', false)

  const evidence = evidenceOf(via, transaction, status)
  if (PENDING.has(status)) return { kind: 'pending', evidence }
  if (status === BLOCKED) return { kind: 'pending', evidence, alarm: true }
  // 202 is "not decided yet": a final word under it contradicts itself.
  if (httpStatus === 202) return unknown(`202 with final status ${status}`, true)
  // Of an undecided transaction a bank may leave the amount out, of a final one never.
  if (transaction.amount === null) return unknown('final status without an amount', true)
  if (SETTLED.has(status)) {
    if (transaction.railReference === null) return unknown('settled without a reference of the movement', true)
    return { kind: 'settled', evidence }
  }
  if (status === REJECTED) return rejected(transaction.reasons, order, evidence)
  return unknown(`transaction status ${status}`, true)
}

/** 400: the bank could not take the message in; final if it names that message, and only as the answer to it. */
function refusedMessage({ via, report }: Statement, order: RailOrder): RailOutcome {
  const group = report.group
  if (via !== 'answer') return unknown('400 to an inquiry', true)
  if (group === null || report.transaction !== null) return unknown('400 that names no message', true)
  if (group.originalMessageId !== order.reference || group.originalMessageName !== messageNameOf(order.operation)) {
    return unknown('400 about another message', true)
  }
  if (group.status !== REJECTED) return unknown('400 without a rejection', true)
  const status = words(REJECTED, group.reasons)
  return rejected(group.reasons, order, { via, id: report.messageId, status, railReference: null })
}

function neverReceived(report: StatusReport, order: RailOrder): RailOutcome {
  const transaction = report.transaction
  if (transaction === null || report.group !== null) return unknown('404 without a transaction', false)
  const mismatch = otherTransaction(transaction, order)
  if (mismatch !== null) return unknown(mismatch, true)
  const reason = transaction.reasons[0]
  const saysSo =
    transaction.reasons.length === 1 && reason !== undefined && 'code' in reason && reason.code === NEVER_RECEIVED
  if (transaction.status !== null || !saysSo) return unknown('404 without AG09', true)
  return { kind: 'not_found', evidence: evidenceOf('inquiry', transaction, NEVER_RECEIVED) }
}

/** One word of the duplicate family, or one we do not know, and the refusal decides nothing. */
function rejected(reasons: Reason[], order: RailOrder, evidence: Evidence): RailOutcome {
  let decline: { code: string; as: NonNullable<ReturnType<typeof declineOf>> } | null = null
  for (const reason of reasons) {
    if (!('code' in reason)) return unknown(`rejected for proprietary reason ${reason.proprietary}`, true)
    if (DUPLICATE.has(reason.code))
      return unknown(`rejected as a duplicate (${reason.code}): the original decides`, false)
    const as = declineOf(reason.code, order.operation)
    if (as === null) return unknown(`rejected for reason ${reason.code}`, true)
    decline ??= { code: reason.code, as }
  }
  if (decline === null) return unknown('rejected without a reason', true)
  return { kind: 'declined', code: decline.as.code, reason: decline.code, evidence, alarm: decline.as.alarm }
}

/** Why a report is about something else than the order; null where every id is ours. */
function otherTransaction(transaction: TransactionStatus, order: RailOrder): string | null {
  const ours = idsOf(order)
  if (transaction.originalTxId !== order.reference) return 'another transaction id'
  if (transaction.originalEndToEndId !== ours.endToEndId) return 'another end-to-end id'
  if (transaction.originalInstructionId !== null && transaction.originalInstructionId !== ours.instructionId)
    return 'another instruction id'
  if (transaction.originalMessageId !== order.reference) return 'another message id'
  if (transaction.originalMessageName !== ours.messageName) return 'another message type'
  if (transaction.originalUetr !== ours.uetr) return 'another UETR'
  return null
}

function otherAmount(transaction: TransactionStatus, order: RailOrder, currencies: CurrencyTable): string | null {
  if (transaction.amount === null) return null
  if (transaction.amount.currency !== order.currency) return 'another currency'
  const amountMinor = readAmount(transaction.amount.text, exponentOf(order.currency, currencies))
  if (amountMinor === null) return 'an ill-formed amount'
  return amountMinor === order.amountMinor ? null : 'another amount'
}

function evidenceOf(via: Evidence['via'], transaction: TransactionStatus, status: string): Evidence {
  return {
    via,
    id: transaction.statusId,
    status: words(status, status === REJECTED ? transaction.reasons : []),
    railReference: transaction.railReference,
  }
}

function words(status: string, reasons: Reason[]): string {
  return [status, ...reasons.map((reason) => ('code' in reason ? reason.code : reason.proprietary))].join(' ')
}

export function unknown(why: string, alarm: boolean): RailOutcome {
  return { kind: 'unknown', why, alarm }
}
