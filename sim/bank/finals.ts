import { Alarms } from '../common/clock.ts'
import { aboutOpposite, aboutPayment } from './about.ts'
import type { Bank } from './bank.ts'
import type { Callbacks } from './callbacks.ts'
import type { OrderFault } from './faults/kinds.ts'
import type { Callback, Decision, Payment, Plan } from './entry.ts'
import { newId } from './wire/report.ts'

/** What a fault makes of an order that would settle: a plan for a later final, or null to settle at once. */
export function planOf(fault: OrderFault | null, nowMs: number): Plan | null {
  const plan: Plan = {
    outcome: 'settled',
    dueAtMs: nowMs,
    callback: true,
    copies: 0,
    gapMs: 0,
    contradictAfterMs: null,
  }
  switch (fault?.kind) {
    case 'pending':
      return { ...plan, outcome: fault.then, dueAtMs: nowMs + fault.after_s * 1000, callback: fault.callback }
    case 'late_callback':
      return { ...plan, dueAtMs: nowMs + fault.after_s * 1000 }
    case 'duplicate_callback':
      return { ...plan, dueAtMs: nowMs + fault.after_s * 1000, copies: fault.n, gapMs: fault.gap_ms }
    case 'contradict_callback':
      return { ...plan, dueAtMs: nowMs + CONTRADICTED_AFTER_MS, contradictAfterMs: fault.after_s * 1000 }
    default:
      return null
  }
}

/** The true final comes this soon when a contradiction is to follow it. */
const CONTRADICTED_AFTER_MS = 500

/** Pending payments and their finals: by plan, or by the control API. */
export class Finals {
  readonly #bank: Bank
  readonly #callbacks: Callbacks
  readonly #booked: (amountMinor: bigint) => void
  readonly #alarms: Alarms

  constructor(bank: Bank, callbacks: Callbacks, booked: (amountMinor: bigint) => void) {
    this.#bank = bank
    this.#callbacks = callbacks
    this.#booked = booked
    this.#alarms = new Alarms(bank.clock)
  }

  /** Arms everything the log left pending. */
  resume(): void {
    for (const [key, payment] of this.#bank.state.payments) this.arm(key, payment)
  }

  /** Arms a pending payment's plan; nothing for any other. */
  arm(key: string, payment: Payment): void {
    const { plan } = payment
    if (payment.status !== 'PDNG' || plan === null || plan.outcome === 'never') return
    const outcome = plan.outcome
    this.#alarms.set(key, plan.dueAtMs, () => void this.decide(key, outcome))
  }

  /** Ends a pending payment; false when it is not pending. */
  async decide(key: string, outcome: 'settled' | 'declined'): Promise<boolean> {
    const { state, clock } = this.#bank
    const payment = state.payments.get(key)
    if (payment === undefined || payment.status !== 'PDNG') return false
    this.#alarms.clear(key)
    const settled = outcome === 'settled'
    const decision: Decision = {
      key,
      status: settled ? 'ACSC' : 'RJCT',
      reason: settled ? null : 'MS03',
      statusId: newId('S'),
      servicerReference: settled ? newId('A') : null,
      atMs: clock.nowMs(),
    }
    const callbacks = payment.plan?.callback === true ? this.#finalCallbacks(payment, payment.plan, decision) : []
    this.#bank.record({ decided: decision, ...(callbacks.length > 0 ? { callbacks } : {}) })
    await this.#bank.durable()
    if (settled) this.#booked(payment.amountMinor)
    this.#callbacks.schedule(callbacks)
    return true
  }

  stop(): void {
    this.#alarms.stop()
  }

  #finalCallbacks(payment: Payment, plan: Plan, decision: Decision): Callback[] {
    const now = decision.atMs
    const about = aboutPayment({ ...payment, ...decision, decidedAtMs: now })
    const first = this.#callbacks.make(payment, about, now)
    const all = [first]
    for (let copy = 1; copy <= plan.copies; copy++) {
      const again = this.#callbacks.make(payment, about, now + copy * plan.gapMs)
      all.push({ ...again, body: first.body })
    }
    if (plan.contradictAfterMs !== null)
      all.push(this.#callbacks.make(payment, aboutOpposite(about), now + plan.contradictAfterMs))
    return all
  }
}
