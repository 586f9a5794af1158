import { randomUUID } from 'node:crypto'
import { Alarms } from '../common/clock.ts'
import type { OrderFault } from '../common/faults/kinds.ts'
import type { Book } from './book.ts'
import type { Callbacks } from './callbacks.ts'
import type { Callback, Payment, Plan } from './entry.ts'
import { business, errorObject, PLAIN_DECLINE } from './wire/error.ts'
import { transactionView, type View } from './wire/view.ts'

/** A final under a fault that needs no time of its own comes this soon, ms. */
const SOON_MS = 500

/** What a fault makes of an order that would settle: a plan for a later final, or null to settle at once. */
export function planOf(fault: OrderFault | null, nowMs: number): Plan | null {
  const soon: Plan = {
    outcome: 'settled',
    dueAtMs: nowMs + SOON_MS,
    callback: true,
    copies: 0,
    gapMs: 0,
    contradictAfterMs: null,
    forged: null,
  }
  switch (fault?.kind) {
    case 'pending':
      return { ...soon, outcome: fault.then, callback: fault.callback, dueAtMs: nowMs + fault.after_s * 1000 }
    case 'late_callback':
      return { ...soon, dueAtMs: nowMs + fault.after_s * 1000 }
    case 'duplicate_callback':
      return { ...soon, dueAtMs: nowMs + fault.after_s * 1000, copies: fault.n, gapMs: fault.gap_ms }
    case 'contradict_callback':
      return { ...soon, contradictAfterMs: fault.after_s * 1000 }
    case 'bad_signature':
      return { ...soon, forged: fault.mode }
    case 'expire':
      return { ...soon, outcome: 'never' }
    default:
      return null
  }
}

export const newTransactionReference = (): string => `MM${randomUUID().replaceAll('-', '').slice(0, 20).toUpperCase()}`

/** What happens to orders after their answer: by plan, by expiry, by return, or by the control API. */
export class Finals {
  readonly #book: Book
  readonly #callbacks: Callbacks
  readonly #alarms: Alarms

  constructor(book: Book, callbacks: Callbacks) {
    this.#book = book
    this.#callbacks = callbacks
    this.#alarms = new Alarms(book.clock)
  }

  /** Arms everything the log left open. */
  resume(): void {
    for (const [key, payment] of this.#book.state.payments) this.arm(key, payment)
  }

  arm(key: string, payment: Payment): void {
    const { plan, status, expiresAtMs, returnsAtMs } = payment
    if (status === 'pending' && plan !== null && plan.outcome !== 'never') {
      const { outcome } = plan
      this.#alarms.set(`final:${key}`, plan.dueAtMs, () => void this.decide(key, outcome))
    }
    if (status === 'pending' && expiresAtMs !== null) {
      this.#alarms.set(`expiry:${key}`, expiresAtMs, () => void this.decide(key, 'declined'))
    }
    if (status === 'completed' && returnsAtMs !== null) {
      this.#alarms.set(`return:${key}`, returnsAtMs, () => void this.#takeBack(key))
    }
  }

  /** Ends a pending order; false when it is not pending. */
  async decide(key: string, outcome: 'settled' | 'declined'): Promise<boolean> {
    const { state, clock } = this.#book
    const payment = state.at(key)
    if (payment?.status !== 'pending') return false
    for (const what of ['final', 'expiry']) this.#alarms.clear(`${what}:${key}`)
    const atMs = clock.nowMs()
    const error = outcome === 'settled' ? null : business(PLAIN_DECLINE)
    const status = outcome === 'settled' ? 'completed' : 'failed'
    const after: Payment = { ...payment, status, error, changedAtMs: atMs }
    const callbacks = payment.plan?.callback === true ? this.#callbacksOf(after, payment.plan) : []
    this.#book.record({ decided: { key, status, error, atMs }, ...(callbacks.length === 0 ? {} : { callbacks }) })
    await this.#book.durable()
    this.#callbacks.queue.schedule(callbacks)
    this.arm(key, after)
    return true
  }

  /** A transaction or reversal as the client may see it. */
  view(payment: Payment): View {
    return transactionView(payment, this.#book.state.at(payment.original)?.transactionReference ?? null)
  }

  stop(): void {
    this.#alarms.stop()
  }

  async #takeBack(key: string): Promise<void> {
    const { state, clock } = this.#book
    const payment = state.at(key)
    // What has been refunded meanwhile cannot be taken back a second time.
    const refunded = state.refundsOf(key).some(({ status }) => status !== 'failed')
    if (payment?.status !== 'completed' || refunded) return
    const atMs = clock.nowMs()
    const view = this.view({ ...payment, status: 'reversed', changedAtMs: atMs })
    const callbacks = [this.#callbacks.make(payment, view, atMs)]
    this.#book.record({ returned: { key, transactionReference: newTransactionReference(), atMs }, callbacks })
    await this.#book.durable()
    this.#callbacks.queue.schedule(callbacks)
  }

  #callbacksOf(payment: Payment, plan: Plan): Callback[] {
    const atMs = payment.changedAtMs
    const failure = errorObject(payment.error ?? business(PLAIN_DECLINE), atMs)
    const success = this.view({ ...payment, status: 'completed' })
    const [final, opposite] = payment.status === 'completed' ? [success, failure] : [failure, success]
    const times = Array.from({ length: plan.copies + 1 }, (_, copy) => atMs + copy * plan.gapMs)
    const callbacks = times.map((dueAtMs) => this.#callbacks.make(payment, final, dueAtMs, plan.forged))
    if (plan.contradictAfterMs === null) return callbacks
    return [...callbacks, this.#callbacks.make(payment, opposite, atMs + plan.contradictAfterMs)]
  }
}
