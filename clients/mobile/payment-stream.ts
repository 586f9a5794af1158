import type { PaymentView } from '../../src/contract/index.ts'
import { Channel } from './channel.ts'
import { MooringError } from './errors.ts'
import { LIMITS } from './limits.ts'
import { isTerminal } from './local-state.ts'

/**
 * The versions of one payment, each higher than the one before, from the state
 * it is in to its terminal one. Listening starts before the present state is
 * asked for, so that no change falls between the two.
 */
export class PaymentStreams {
  readonly #open = new Map<string, Set<{ channel: Channel<PaymentView>; version: number }>>()
  #closed: { error: Error | null } | null = null

  /** `fetch` asks the server for the payment and brings the answer here by `changed`. */
  open(
    payment: string,
    known: PaymentView | undefined,
    fetch: () => Promise<unknown>,
  ): AsyncIterableIterator<PaymentView> {
    const streams = this.#open.get(payment) ?? new Set()
    this.#open.set(payment, streams)
    const channel = new Channel<PaymentView>({
      limit: LIMITS.version_buffer,
      onFull: 'skip',
      onDone: () => {
        streams.delete(stream)
        if (streams.size === 0 && this.#open.get(payment) === streams) this.#open.delete(payment)
      },
    })
    const stream = { channel, version: 0 }
    streams.add(stream)
    if (this.#closed !== null) channel.end(this.#closed.error)
    if (known !== undefined) this.#tell(stream, known)
    if (streams.has(stream)) {
      fetch().catch((cause: unknown) => {
        // With a state in hand the feed brings the rest; without one there is nothing to go by.
        if (stream.version > 0) return
        channel.end(cause instanceof Error ? cause : new MooringError('protocol_fault', 'no payment', { cause }))
      })
    }
    return channel
  }

  changed(payment: PaymentView): void {
    for (const stream of this.#open.get(payment.id) ?? []) this.#tell(stream, payment)
  }

  close(error: Error | null): void {
    this.#closed = { error }
    for (const streams of this.#open.values()) for (const { channel } of streams) channel.end(error)
  }

  #tell(stream: { channel: Channel<PaymentView>; version: number }, payment: PaymentView): void {
    if (payment.version <= stream.version) return
    stream.version = payment.version
    stream.channel.push(payment)
    if (isTerminal(payment.status)) stream.channel.end()
  }
}
