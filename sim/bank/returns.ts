import { Alarms } from '../common/clock.ts'
import { originalOf } from './about.ts'
import type { Bank } from './bank.ts'
import type { Callbacks } from './callbacks.ts'
import type { Payment, ReturnPlan } from './entry.ts'
import type { OrderFault } from './faults/kinds.ts'
import { newId, paymentReturn } from './wire/report.ts'

/** What a fault makes of an order that settles: a plan for how it comes back, or null. A refund never does (AG13). */
export function returnPlanOf(fault: OrderFault | null, operation: Payment['operation']): ReturnPlan | null {
  if (fault?.kind !== 'return_later' || operation === 'refund') return null
  const { after_s, reason, amount, parts } = fault
  return { afterMs: after_s * 1000, reason, amountMinor: amount === undefined ? null : BigInt(amount), parts }
}

/**
 * Settled payments that go back to where they came from: a payOut that bounces, a
 * collect whose debtor claims it. Each part is one line of the log, with its movement and its pacs.004.
 */
export class Returns {
  readonly #bank: Bank
  readonly #callbacks: Callbacks
  readonly #alarms: Alarms

  constructor(bank: Bank, callbacks: Callbacks) {
    this.#bank = bank
    this.#callbacks = callbacks
    this.#alarms = new Alarms(bank.clock)
  }

  /** Arms everything the log left to come back. */
  resume(): void {
    for (const [key, payment] of this.#bank.state.payments) this.arm(key, payment)
  }

  /** Arms the next part of a settled payment; nothing for any other. */
  arm(key: string, payment: Payment): void {
    const { returnPlan: plan, decidedAtMs } = payment
    if (plan === null || decidedAtMs === null || payment.status !== 'ACSC') return
    const done = this.#bank.state.returns.get(key)?.length ?? 0
    if (done >= plan.parts) return
    this.#alarms.set(key, decidedAtMs + plan.afterMs * (done + 1), () => void this.#give(key, payment, plan, done))
  }

  stop(): void {
    this.#alarms.stop()
  }

  async #give(key: string, payment: Payment, plan: ReturnPlan, done: number): Promise<void> {
    const { state, clock } = this.#bank
    const whole = plan.amountMinor ?? payment.amountMinor
    const part = whole / BigInt(plan.parts)
    // The last part takes what the division left over.
    const wished = done + 1 === plan.parts ? whole - part * BigInt(done) : part
    const left = state.leftMinor(key)
    const minor = wished < left ? wished : left
    // Refunded meanwhile: there is nothing to give back.
    if (minor <= 0n) return
    const { reason } = plan
    const now = clock.nowMs()
    const returnId = newId('T')
    const body = paymentReturn(now, {
      original: originalOf(payment),
      originalMinor: payment.amountMinor,
      currency: payment.currency,
      returnId,
      minor,
      reason,
    })
    const callback = this.#callbacks.carrying(payment.reference, body, now)
    this.#bank.record({ returned: { key, returnId, amountMinor: minor, reason, atMs: now }, callbacks: [callback] })
    await this.#bank.durable()
    this.#callbacks.schedule([callback])
    this.arm(key, payment)
  }
}
