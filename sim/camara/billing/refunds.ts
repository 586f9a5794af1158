import type { Book } from './book.ts'
import { run, wrongOf, type Desk, type Done } from './calls.ts'
import type { Payment, Refund } from './entry.ts'
import type { Chosen } from './faults/choose.ts'
import type { Reason } from './faults/kinds.ts'
import { planOf, refundEffect, refusalIn } from './futures.ts'
import { writeJson } from './json.ts'
import { amountOf } from './money.ts'
import { duplicateReply, newId, refuseFor } from './payments.ts'
import { alreadyExists, notFound, refundJson, say, type Answer, type Reply } from './replies.ts'
import { amountFault, readRefund, readSink, type RefundRequest } from './requests.ts'

/** createRefund, and what is left to refund. */

const PREFIX = 'CARRIER_BILLING_REFUND'

export async function openRefund(desk: Desk, paymentId: string, text: string): Promise<Answer> {
  const read = readRefund(text)
  if (!read.ok) return read.reply
  const request = read.value
  const payment = desk.book.payments.get(paymentId)
  if (payment === undefined) return notFound()
  const asked = partialOf(request)?.chargingInformation ?? null
  const amountMinor = asked === null ? payment.amountMinor : amountFault(asked.amount, asked.currency)
  if (typeof amountMinor !== 'bigint') return amountMinor
  const sink = readSink(request, desk.settings.httpHosts)
  if ('kind' in sink) return sink
  const { clientCorrelator, referenceCode, refundAmount } = request.amountTransaction
  const { phone } = payment
  const ids = { correlator: clientCorrelator ?? null, reference: referenceCode, contentHash: read.contentHash }
  const call = { step: 'refund', operation: 'refund', reference: referenceCode, phone, amountMinor } as const
  return run(desk, call, (chosen) => {
    const duplicate = duplicateReply(desk, 'refund', ids)
    if (duplicate !== null) return { entry: {}, reply: duplicate }
    const original = desk.book.payments.get(paymentId) ?? payment
    const { answer } = chosen
    const reason =
      answer?.kind === 'decline'
        ? (answer.reason ?? (`${PREFIX}.REFUND_DENIED` as const))
        : refundFault(desk.book, original, request, amountMinor)
    if (reason !== null) return { entry: {}, reply: refuseFor(reason) }
    const now = desk.book.clock.nowMs()
    const plan =
      answer?.kind === 'expire' ? refusalIn(answer.after_s * 1000, now, FINALS.settled) : planOf(answer, now, FINALS)
    const refund: Refund = {
      ...ids,
      ...sink,
      refundId: newId('R'),
      paymentId,
      type: request.type,
      phone,
      amountMinor,
      currency: original.currency,
      amountText: writeJson(refundAmount),
      reason: request.reason ?? null,
      firstAnswer: '',
      status: plan === null ? 'succeeded' : 'processing',
      createdAtMs: now,
      doneAtMs: plan === null ? now : null,
      plan,
      statement: chosen.statement,
    }
    return enterRefund({ ...refund, firstAnswer: refundJson(refund) }, original, chosen, now)
  })
}

const FINALS = { settled: 'succeeded', declined: 'denied' } as const

function enterRefund(refund: Refund, original: Payment, chosen: Chosen, nowMs: number): Done {
  const moved = refund.status === 'succeeded' ? { effect: refundEffect(refund, original, nowMs) } : {}
  const reply =
    chosen.answer?.kind === 'duplicate_answer' ? alreadyExists() : say(201, refundJson(refund, wrongOf(chosen)))
  return { entry: { refund, ...moved }, reply }
}

/** Why a payment cannot be refunded so, or null. */
function refundFault(book: Book, payment: Payment, request: RefundRequest, amountMinor: bigint): Reason | null {
  if (payment.status === 'cancelled' || payment.status === 'denied') return `${PREFIX}.PAYMENT_NOT_ELIGIBLE_FOR_REFUND`
  if (payment.status !== 'succeeded') return `${PREFIX}.INVALID_PAYMENT_STATUS`
  const remainingMinor = book.remainingMinor(payment)
  const partial = partialOf(request)
  if (partial !== null) {
    const { chargingInformation, refundDetails } = partial
    if (chargingInformation.currency !== payment.currency) return 'INVALID_ARGUMENT'
    if ((chargingInformation.isTaxIncluded ?? false) !== payment.taxIncluded)
      return `${PREFIX}.TAXES_MANAGEMENT_MISMATCH`
    if (refundDetails?.some(({ paymentItemId }) => !payment.items.includes(paymentItemId)) === true)
      return `${PREFIX}.REFUND_DETAILS_MISMATCH`
  }
  return amountMinor > remainingMinor ? `${PREFIX}.UNAUTHORIZED_AMOUNT` : null
}

/** What a partial refund names; null for a total one. */
function partialOf({ amountTransaction: { refundAmount } }: RefundRequest) {
  return 'chargingInformation' in refundAmount ? refundAmount : null
}

export function remainingAmount(book: Book, payment: Payment): Reply {
  const left = payment.status === 'succeeded' ? book.remainingMinor(payment) : 0n
  const { currency } = payment
  return say(200, writeJson({ amount: amountOf(left, currency), currency, isTaxIncluded: payment.taxIncluded }))
}
