import { Alarms } from '../../common/clock.ts'
import type { Book } from './book.ts'
import type { Effect, Entry, Payment, PaymentStatus, Plan, Refund } from './entry.ts'
import type { AnswerFault } from './faults/kinds.ts'
import { amountOf } from './money.ts'
import type { Notices } from './notices.ts'

/** What happens to payments and refunds by time: finals of what is pending, expiry of reservations, late returns. */

const TRUE_FINAL_MS = 500

function laterFinal(nowMs: number, statuses: Pick<Plan, 'settled' | 'declined'>): Plan {
  return {
    outcome: 'settled',
    ...statuses,
    dueAtMs: nowMs,
    notify: true,
    copies: 0,
    gapMs: 0,
    contradictAfterMs: null,
    badToken: null,
  }
}

/** What a fault makes of a call that would have ended at once: a final to come, or null to end at once. */
export function planOf(
  fault: AnswerFault | null,
  nowMs: number,
  statuses: { settled: PaymentStatus; declined: PaymentStatus },
): Plan | null {
  const plan = laterFinal(nowMs, statuses)
  switch (fault?.kind) {
    case 'pending':
      return { ...plan, outcome: fault.then, dueAtMs: nowMs + fault.after_s * 1000, notify: fault.callback }
    case 'late_callback':
      return { ...plan, dueAtMs: nowMs + fault.after_s * 1000 }
    case 'duplicate_callback':
      return { ...plan, dueAtMs: nowMs + fault.after_s * 1000, copies: fault.n, gapMs: fault.gap_ms }
    case 'contradict_callback':
      return { ...plan, dueAtMs: nowMs + TRUE_FINAL_MS, contradictAfterMs: fault.after_s * 1000 }
    case 'bad_signature':
      return { ...plan, dueAtMs: nowMs + TRUE_FINAL_MS, badToken: fault.mode === 'missing' ? 'missing' : 'wrong' }
    default:
      return null
  }
}

/** A refusal to come, told by an event. */
export function refusalIn(afterMs: number, nowMs: number, settled: PaymentStatus): Plan {
  const plan = laterFinal(nowMs, { settled, declined: 'denied' })
  return { ...plan, outcome: 'declined', dueAtMs: nowMs + afterMs }
}

export function paymentEffect(payment: Payment, atMs: number, effect: Effect['effect'] = 'moved'): Effect {
  const { reference, amountMinor, currency, phone } = payment
  return { operation: 'collect', reference, effect, amountMinor, currency, account: phone, atMs, original: null }
}

export function refundEffect(refund: Refund, original: Payment, atMs: number): Effect {
  const { reference, amountMinor, currency, phone } = refund
  return {
    operation: 'refund',
    reference,
    effect: 'moved',
    amountMinor,
    currency,
    account: phone,
    atMs,
    original: original.reference,
  }
}

export class Futures {
  readonly #book: Book
  readonly #notices: Notices
  readonly #booked: (effect: Effect) => void
  readonly #reservationMs: number
  readonly #alarms: Alarms

  /** `booked` is told of each movement once it is durable, before anyone else is. */
  constructor(book: Book, notices: Notices, booked: (effect: Effect) => void, reservationMs: number) {
    this.#book = book
    this.#notices = notices
    this.#booked = booked
    this.#reservationMs = reservationMs
    this.#alarms = new Alarms(book.clock)
  }

  /** Takes up everything the log left to come. */
  resume(): void {
    for (const payment of this.#book.payments.values()) this.arm(payment)
    for (const refund of this.#book.refunds.values()) this.arm(refund)
    this.#notices.schedule(this.#book.notices.values())
  }

  stop(): void {
    this.#alarms.stop()
  }

  /** Tells what was just recorded to whoever it concerns later. */
  async recorded(entry: Entry): Promise<void> {
    await this.#book.durable()
    if (entry.effect !== undefined) this.#booked(entry.effect)
    const changed = entry.payment ?? entry.refund
    if (changed !== undefined) this.arm(changed)
    this.#notices.schedule(entry.notices ?? [])
  }

  /** Sets the one alarm that a payment or refund in this state needs. */
  arm(of: Payment | Refund): void {
    const id = 'refundId' in of ? of.refundId : of.paymentId
    this.#alarms.clear(id)
    if (of.status === 'processing') {
      const { plan } = of
      if (plan === null || plan.outcome === 'never') return
      const { outcome } = plan
      return this.#alarms.set(id, plan.dueAtMs, () => void this.decide(id, outcome))
    }
    if ('refundId' in of) return
    const waits = of.status === 'reserved' || of.status === 'pending_validation'
    if (waits && of.expiresAtMs !== null) return this.#alarms.set(id, of.expiresAtMs, () => void this.#expire(id))
    if (of.status === 'succeeded' && of.doneAtMs !== null && of.returnsAfterMs !== null)
      this.#alarms.set(id, of.doneAtMs + of.returnsAfterMs, () => void this.#return(id))
  }

  /** Ends what is pending; false where nothing is. */
  async decide(id: string, outcome: 'settled' | 'declined'): Promise<boolean> {
    const of = this.#book.payments.get(id) ?? this.#book.refunds.get(id)
    if (of?.status !== 'processing' || of.plan === null) return false
    const { plan } = of
    const now = this.#book.clock.nowMs()
    const entry = 'refundId' in of ? this.#endRefund(of, plan, outcome, now) : this.#endPayment(of, plan, outcome, now)
    this.#book.record(entry)
    await this.recorded(entry)
    return true
  }

  #endPayment(payment: Payment, plan: Plan, outcome: 'settled' | 'declined', nowMs: number): Entry {
    const ended = { ...this.enter(payment, plan[outcome], nowMs), plan: null }
    const opposite = { ...payment, status: outcome === 'settled' ? plan.declined : plan.settled }
    const notices = this.#notices.planned(ended, plan, opposite, nowMs)
    return { payment: ended, ...this.consequences(payment, ended, nowMs), notices }
  }

  #endRefund(refund: Refund, plan: Plan, outcome: 'settled' | 'declined', nowMs: number): Entry {
    const original = this.#book.payments.get(refund.paymentId)
    if (original === undefined) throw new Error('a refund without its payment')
    const done = outcome === 'settled'
    const ended: Refund = {
      ...refund,
      status: done ? 'succeeded' : 'denied',
      doneAtMs: done ? nowMs : null,
      plan: null,
    }
    const opposite: Refund = { ...refund, status: done ? 'denied' : 'succeeded' }
    const notices = this.#notices.planned(ended, plan, opposite, nowMs)
    return { refund: ended, ...(done ? { effect: refundEffect(ended, original, nowMs) } : {}), notices }
  }

  /** The payment in a new state, with the times that belong to it. */
  enter(payment: Payment, status: PaymentStatus, nowMs: number): Payment {
    if (status === 'succeeded') return { ...payment, status, doneAtMs: nowMs, expiresAtMs: null }
    if (status === 'reserved' || status === 'pending_validation')
      return { ...payment, status, expiresAtMs: payment.expiresAtMs ?? nowMs + this.#reservationMs }
    return { ...payment, status }
  }

  /** What a change of state brings with it: the movement, or the SMS with the code. */
  consequences(before: Payment | null, payment: Payment, nowMs: number): Pick<Entry, 'effect' | 'sms'> {
    const { status, code, phone, currency } = payment
    if (status === before?.status) return {}
    if (status === 'succeeded') return { effect: paymentEffect(payment, nowMs) }
    if (status !== 'pending_validation' || code === null) return {}
    const amount = amountOf(payment.amountMinor, currency).text
    const text = `${code} confirms ${amount} ${currency} on your phone bill.`
    return { sms: { phone, text, atMs: nowMs } }
  }

  async #expire(id: string): Promise<void> {
    const payment = this.#book.payments.get(id)
    if (payment?.status !== 'reserved' && payment?.status !== 'pending_validation') return
    await this.#cancel(payment, {})
  }

  async #return(id: string): Promise<void> {
    const payment = this.#book.payments.get(id)
    if (payment?.status !== 'succeeded') return
    await this.#cancel(payment, { effect: paymentEffect(payment, this.#book.clock.nowMs(), 'returned') })
  }

  async #cancel(payment: Payment, more: Entry): Promise<void> {
    const ended: Payment = { ...payment, status: 'cancelled' }
    const notices = this.#notices.about(ended, this.#book.clock.nowMs())
    const entry: Entry = { payment: ended, ...more, notices }
    this.#book.record(entry)
    await this.recorded(entry)
  }
}
