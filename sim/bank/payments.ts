import { aboutClash, aboutPayment } from './about.ts'
import {
  alterReport,
  answerAfter,
  answerBefore,
  jsonReply,
  reportReply,
  xmlReply,
  type Answer,
  type Reply,
} from './answer.ts'
import type { Bank } from './bank.ts'
import type { Callbacks } from './callbacks.ts'
import { judge, openingsFor, ownAccountRefused, partiesOf, type Parties } from './decision.ts'
import { chooseFaults, type Chosen } from './faults/choose.ts'
import type { OrderFault } from './faults/kinds.ts'
import { planOf, type Finals } from './finals.ts'
import type { Entry, Payment } from './entry.ts'
import { returnPlanOf, type Returns } from './returns.ts'
import { keyOf, type BankState } from './state.ts'
import type { PaymentMessage } from './wire/receive.ts'
import { newId, statusReport } from './wire/report.ts'

export type Nonce = [nonce: string, createdS: number]

/**
 * Orders that move money: collect, payOut, refund.
 *
 * A decision is taken and entered in one synchronous step, its reply fixed in the same step, so that no two
 * arrivals of one reference can both be first; the reply leaves when the step is durable.
 */
export class Payments {
  readonly #bank: Bank
  readonly #callbacks: Callbacks
  readonly #finals: Finals
  readonly #returns: Returns
  readonly #booked: (amountMinor: bigint) => void

  /** `booked` is told of each movement once it is durable, before anyone is answered. */
  constructor(
    bank: Bank,
    callbacks: Callbacks,
    finals: Finals,
    returns: Returns,
    booked: (amountMinor: bigint) => void,
  ) {
    this.#bank = bank
    this.#callbacks = callbacks
    this.#finals = finals
    this.#returns = returns
    this.#booked = booked
  }

  async take(message: PaymentMessage, nonce: Nonce): Promise<Answer> {
    const { state, clock } = this.#bank
    const parties = partiesOf(state, message)
    if (ownAccountRefused(state, message.currency, parties)) {
      this.#bank.record({ nonce })
      await this.#bank.durable()
      return jsonReply(403, { code: 'AG01', message: 'the certificate is not entitled to this account' })
    }
    const key = keyOf(message.operation, message.reference)
    const arrival = state.arrivalsOf(key) + 1
    const chosen = chooseFaults(state, { ...message, account: parties.account, arrival })
    const entry: Entry = { nonce, arrived: key }
    if (chosen.usedRules.length > 0) entry.usedRules = chosen.usedRules
    const now = clock.nowMs()
    this.#troubleInquiries(entry, key, chosen, now)

    const before = answerBefore(chosen.order)
    if (before !== null) {
      if (chosen.order?.kind === 'outage')
        entry.outage = { untilMs: now + chosen.order.seconds * 1000, mode: chosen.order.mode }
      this.#bank.record(entry)
      await this.#bank.durable()
      return before
    }
    const known = knownAs(state, key, message)
    if (known !== null) {
      const reply =
        known === 'clash' ? xmlReply(409, statusReport(now, aboutClash(message))) : replyAbout(known, chosen.order, now)
      this.#bank.record(entry)
      await this.#bank.durable()
      return answerAfter(chosen.order, reply)
    }
    const payment = this.#enter(entry, message, parties, chosen.order, now)
    const reply = replyAbout(payment, chosen.order, now)
    await this.#bank.durable()
    if (payment.status === 'ACSC') this.#booked(payment.amountMinor)
    this.#finals.arm(key, payment)
    this.#returns.arm(key, payment)
    if (entry.callbacks !== undefined && chosen.order?.kind === 'answer_twice')
      await this.#callbacks.sendFirst(entry.callbacks, chosen.order.gap_ms)
    return answerAfter(chosen.order, reply)
  }

  /** A failing inquiry fails whether or not the order got through; a lagging one hides what was executed. */
  #troubleInquiries(entry: Entry, key: string, { inquiry, order }: Chosen, nowMs: number): void {
    if (inquiry === null || (inquiry.kind === 'inquiry_lag' && answerBefore(order) !== null)) return
    entry.inquiryTrouble = [key, { kind: inquiry.kind, untilMs: nowMs + inquiry.s * 1000 }]
  }

  #enter(entry: Entry, message: PaymentMessage, parties: Parties, fault: OrderFault | null, nowMs: number): Payment {
    const { state } = this.#bank
    const refused = judge(state, message, parties, nowMs)
    const reason = refused ?? (fault?.kind === 'decline' ? fault.reason : null)
    const plan = reason === null ? planOf(fault, nowMs) : null
    const status = reason !== null ? 'RJCT' : plan !== null ? 'PDNG' : 'ACSC'
    const payment: Payment = {
      operation: message.operation,
      reference: message.reference,
      name: message.name,
      messageId: message.messageId,
      endToEndId: message.endToEndId,
      uetr: message.uetr,
      contentHash: message.contentHash,
      amountMinor: message.amountMinor,
      currency: message.currency,
      account: parties.account,
      ownAccount: parties.ownAccount,
      original: message.original,
      status,
      reason,
      statusId: newId('S'),
      servicerReference: status === 'ACSC' ? newId('A') : null,
      acceptedAtMs: nowMs,
      decidedAtMs: status === 'PDNG' ? null : nowMs,
      plan,
      statementFault: fault?.kind === 'statement' ? { mode: fault.mode, field: fault.field } : null,
      returnPlan: reason === null ? returnPlanOf(fault, message.operation) : null,
    }
    Object.assign(entry, openingsFor(state, message.currency, parties), { accepted: payment })
    if (fault?.kind === 'answer_twice')
      entry.callbacks = [this.#callbacks.make(payment, { ...aboutPayment(payment), statusId: newId('S') }, nowMs)]
    this.#bank.record(entry)
    return payment
  }
}

/** What stands under the ids of a message: the payment it resends, another one it clashes with, or nothing. */
function knownAs(state: BankState, key: string, message: PaymentMessage): Payment | 'clash' | null {
  const payment = state.payments.get(key)
  const byMessage = state.byMessageId.get(message.messageId)
  if (payment !== undefined) return payment.contentHash === message.contentHash && byMessage === key ? payment : 'clash'
  const uetrIsUsed = message.operation !== 'refund' && state.byUetr.has(message.uetr)
  return byMessage !== undefined || uetrIsUsed || state.refusedMessages.has(message.messageId) ? 'clash' : null
}

function replyAbout(payment: Payment, fault: OrderFault | null, nowMs: number): Reply {
  const about = aboutPayment(payment)
  if (fault?.kind === 'wrong_content') return reportReply(nowMs, alterReport(about, fault.field))
  if (fault?.kind !== 'duplicate_answer') return reportReply(nowMs, about)
  const duplicate = { ...about, statusId: newId('S'), status: 'RJCT' as const, reason: 'DUPL' }
  return reportReply(nowMs, { ...duplicate, settledAtMs: null, servicerReference: null })
}
