import { isTerminal, type Mooring, type MooringEvent } from '../../../clients/mobile/index.ts'
import type { PaymentView, RefundView } from '../../../src/contract/index.ts'
import type { Told } from './told.ts'

/** An event as the phone's program got it. */
export type Heard = { seq: number; id: string }

/**
 * Everything a phone's program was told, as it was told. What no program should
 * ever see is noted as a fault: a hole, a version that does not grow, a payment
 * that ends in another way after its end.
 */
export class FeedWatch {
  readonly faults: string[] = []
  /** Everything in order, snapshots too. */
  readonly told: Told[] = []
  readonly #log: Heard[] = []
  readonly #payments = new Map<string, PaymentView[]>()
  readonly #refunds = new Map<string, RefundView[]>()
  readonly #name: string
  #last: number | null = null

  constructor(name: string, client: Mooring) {
    this.#name = name
    this.#read(client.events({ buffer: 100_000 })).catch((error: unknown) => {
      this.faults.push(`${name}: the feed broke off: ${String(error)}`)
    })
  }

  /** The last event's seq; null before the first. */
  get last(): number | null {
    return this.#last
  }

  get log(): readonly Heard[] {
    return this.#log
  }

  /** Versions of a payment as events brought them, in order. */
  versions(payment: string): readonly PaymentView[] {
    return this.#payments.get(payment) ?? []
  }

  /** The same of a refund. */
  refund(id: string): readonly RefundView[] {
    return this.#refunds.get(id) ?? []
  }

  async #read(events: AsyncIterable<MooringEvent>): Promise<void> {
    for await (const event of events) this.#take(event)
  }

  #take(event: MooringEvent): void {
    const { name, seq } = event
    if (name === 'snapshot') {
      this.told.push({ snapshot: seq })
      this.#last = seq
      return
    }
    if (this.#last !== null && seq !== this.#last + 1) {
      this.faults.push(`${this.#name}: event ${seq} came after ${this.#last}`)
    }
    this.#last = seq
    this.#log.push({ seq, id: event.id })
    this.told.push({ seq, id: event.id })
    if (name === 'payment.updated') this.#version(event.body)
    if (name === 'refund.updated') this.#refund(event.body)
  }

  #refund(view: RefundView): void {
    const versions = this.#refunds.get(view.id) ?? []
    this.#refunds.set(view.id, versions)
    const before = versions.at(-1)
    if (before !== undefined && before.version + 1 !== view.version) {
      this.faults.push(`${this.#name}: ${view.id} went from version ${before.version} to ${view.version}`)
    }
    versions.push(view)
  }

  #version(view: PaymentView): void {
    const versions = this.#payments.get(view.id) ?? []
    this.#payments.set(view.id, versions)
    const before = versions.at(-1)
    if (before !== undefined && before.version >= view.version) {
      this.faults.push(`${this.#name}: ${view.id} went from version ${before.version} to ${view.version}`)
    }
    // What was refunded of it changes after its end; how it ended never does.
    if (before !== undefined && isTerminal(before.status) && view.status !== before.status) {
      this.faults.push(`${this.#name}: ${view.id} had ended ${before.status} and went on to ${view.status}`)
    }
    versions.push(view)
  }
}
