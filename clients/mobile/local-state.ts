import type { PaymentStatus } from '../../src/contract/names.ts'
import type { BalanceView, PaymentView } from '../../src/contract/index.ts'
import type { SnapshotFrame } from './frames.ts'
import { LIMITS } from './limits.ts'

const TERMINAL: readonly PaymentStatus[] = ['succeeded', 'failed', 'canceled', 'expired']

/** Whether a payment's status will not change again. */
export function isTerminal(status: PaymentStatus): boolean {
  return TERMINAL.includes(status)
}

/** What this device knows of its user's payments and balances. A payment never goes back in version. */
export class LocalState {
  readonly #payments = new Map<string, PaymentView>()
  readonly #balances = new Map<string, BalanceView>()
  readonly #onPayment: (payment: PaymentView) => void

  constructor(onPayment: (payment: PaymentView) => void, payments: PaymentView[] = [], balances: BalanceView[] = []) {
    this.#onPayment = onPayment
    for (const payment of payments) this.#payments.set(payment.id, payment)
    for (const balance of balances) this.#balances.set(balance.currency, balance)
  }

  get payments(): ReadonlyMap<string, PaymentView> {
    return this.#payments
  }

  get balances(): ReadonlyMap<string, BalanceView> {
    return this.#balances
  }

  /** Takes a state of a payment from a reply, an event or a snapshot, unless a later one is known. */
  applyPayment(payment: PaymentView): void {
    const known = this.#payments.get(payment.id)
    if (known !== undefined && known.version >= payment.version) return
    this.#payments.delete(payment.id)
    this.#payments.set(payment.id, payment)
    this.#trim()
    this.#onPayment(payment)
  }

  /** Balances carry no version: only the feed's order makes them current, so only the feed may call this. */
  applyBalance(balance: BalanceView): void {
    this.#balances.set(balance.currency, balance)
  }

  /**
   * Applies a whole snapshot. Answers the payments held as open here that it no
   * longer names: they ended while we were away, and have to be asked for.
   */
  applySnapshot(parts: SnapshotFrame['body'][]): string[] {
    const named = new Set<string>()
    const balances = parts.flatMap((part) => part.balances ?? [])
    if (parts.some((part) => part.balances !== undefined)) this.#balances.clear()
    for (const balance of balances) this.#balances.set(balance.currency, balance)
    for (const payment of parts.flatMap((part) => part.payments ?? [])) {
      named.add(payment.id)
      this.applyPayment(payment)
    }
    const lost: string[] = []
    for (const payment of this.#payments.values()) {
      if (!named.has(payment.id) && !isTerminal(payment.status)) lost.push(payment.id)
    }
    return lost.slice(-LIMITS.refresh_payments)
  }

  #trim(): void {
    if (this.#payments.size <= LIMITS.payments) return
    for (const payment of this.#payments.values()) {
      if (!isTerminal(payment.status)) continue
      this.#payments.delete(payment.id)
      return
    }
  }
}
