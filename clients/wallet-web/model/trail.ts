import type { PaymentView } from '../../../src/contract/index.ts'

/** What was seen of a payment, version by version. */
export type Step = Pick<PaymentView, 'version' | 'status' | 'status_reason' | 'next_action' | 'updated_at'>

const PAYMENTS_MAX = 100
const STEPS_MAX = 40

/** The versions of payments in the order they came, so that a screen opened late still shows the way. */
export class Trail {
  readonly #steps = new Map<string, Step[]>()

  see(payment: PaymentView): void {
    const steps = this.#steps.get(payment.id) ?? []
    if ((steps.at(-1)?.version ?? 0) >= payment.version) return
    const { version, status, status_reason, next_action, updated_at } = payment
    steps.push({ version, status, status_reason, next_action, updated_at })
    this.#steps.delete(payment.id)
    this.#steps.set(payment.id, steps.slice(-STEPS_MAX))
    if (this.#steps.size <= PAYMENTS_MAX) return
    const [oldest] = this.#steps.keys()
    if (oldest !== undefined) this.#steps.delete(oldest)
  }

  of(payment: string): readonly Step[] {
    return this.#steps.get(payment) ?? []
  }
}
