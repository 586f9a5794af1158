import { aboutPayment } from './about.ts'
import {
  alterReport,
  answerAfter,
  answerBefore,
  gatewayReply,
  reportReply,
  xmlReply,
  type Answer,
  type Reply,
} from './answer.ts'
import type { Bank } from './bank.ts'
import { chooseFaults } from './faults/choose.ts'
import type { Nonce } from './payments.ts'
import type { Entry, Operation } from './entry.ts'
import { keyOf } from './state.ts'
import type { InquiryMessage } from './wire/receive.ts'
import { groupRejection, newId, statusReport } from './wire/report.ts'

const OPERATION_OF: Readonly<Record<string, Operation>> = {
  'pacs.003.001.09': 'collect',
  'pacs.008.001.08': 'payOut',
  'pacs.004.001.11': 'refund',
}

/**
 * Status requests. `Never received` (404, AG09) is a promise: the reference gets a tombstone in the same step,
 * and an order that arrives under it later is refused.
 */
export async function answerInquiry(bank: Bank, message: InquiryMessage, nonce: Nonce): Promise<Answer> {
  const { state, clock } = bank
  const now = clock.nowMs()
  const entry: Entry = { nonce }
  const finish = async (reply: Reply): Promise<Reply> => {
    bank.record(entry)
    await bank.durable()
    return reply
  }
  const refuse = (note: string) =>
    finish(xmlReply(400, groupRejection(now, message.messageId, 'pacs.028.001.05', 'FF01', note)))
  const operation = OPERATION_OF[message.originalName]
  if (operation === undefined) return refuse('the original is of no type this bank takes')
  const key = keyOf(operation, message.reference)
  const payment = state.payments.get(key)
  const chosen = chooseFaults(state, {
    operation: 'inquire',
    reference: message.reference,
    account: payment?.account ?? '',
    amountMinor: payment?.amountMinor ?? null,
    arrival: 1,
  })
  if (chosen.usedRules.length > 0) entry.usedRules = chosen.usedRules
  const before = answerBefore(chosen.order)
  if (before !== null) {
    bank.record(entry)
    await bank.durable()
    return before
  }
  const trouble = state.inquiryTroubles.get(key)
  const troubled = trouble !== undefined && now < trouble.untilMs ? trouble.kind : chosen.inquiry?.kind
  if (troubled === 'inquiry_fail') return finish(gatewayReply(500))
  if (payment === undefined || troubled === 'inquiry_lag') {
    if (payment === undefined) entry.tombstone = key
    return answerAfter(chosen.order, await finish(neverReceived(now, message)))
  }
  if (payment.uetr !== message.uetr || payment.messageId !== message.originalMessageId)
    return refuse('the ids of the original belong to different payments')
  const about = aboutPayment(payment)
  const told = chosen.order?.kind === 'wrong_content' ? alterReport(about, chosen.order.field) : about
  return answerAfter(chosen.order, await finish(reportReply(now, told)))
}

function neverReceived(nowMs: number, message: InquiryMessage): Reply {
  return xmlReply(
    404,
    statusReport(nowMs, {
      original: {
        messageId: message.originalMessageId,
        name: message.originalName,
        endToEndId: message.originalEndToEndId,
        reference: message.reference,
        uetr: message.uetr,
        hasInstruction: false,
      },
      statusId: newId('S'),
      status: null,
      reason: 'AG09',
      note: 'payment not received',
      acceptedAtMs: null,
      settledAtMs: null,
      servicerReference: null,
      amount: null,
    }),
  )
}
