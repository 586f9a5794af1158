import { setTimeout as delay } from 'node:timers/promises'
import type { FeedPaged } from '../bus/index.ts'
import { fromPage, type FeedMessage } from './event-frame.ts'
import type { EdgeLimits } from './limits.ts'
import { Sequencer } from './sequencer.ts'

/** What a follower needs of its session. */
export type FollowerPort = {
  /** Hands one event to the socket. */
  push(message: FeedMessage): void
  /** Waits until the socket's queue has room; false when the socket is gone. */
  room(): Promise<boolean>
  /** Reads committed events; null when the hub did not answer. */
  page(after: number, upto: number, timeout_ms: number): Promise<FeedPaged | null>
  /** Whether the hub can be asked at all. */
  reachable(): boolean
  /** The feed cannot be continued on this socket: close it, so that it resumes. */
  resync(reason: string): void
}

/**
 * One socket's place in a feed.
 * F1 events go out once and in order, seq = last + 1;
 * F2 a missing one is read from Postgres through the hub, and the socket is closed to resume where that brings nothing in time;
 * F3 all events of one socket are of one epoch.
 */
export class Follower {
  readonly #port: FollowerPort
  readonly #limits: EdgeLimits
  readonly #sequencer: Sequencer<FeedMessage>
  #epoch: string | null = null
  #filling: Promise<void> | null = null
  #ended = false

  constructor(port: FollowerPort, limits: EdgeLimits) {
    this.#port = port
    this.#limits = limits
    this.#sequencer = new Sequencer(limits.held_events)
  }

  /** The last event handed to the socket, or what it started from. */
  get last(): number {
    return this.#sequencer.last ?? 0
  }

  end(): void {
    this.#ended = true
  }

  /** A live event. Held until `follow` says from where. */
  hear(message: FeedMessage): void {
    if (this.#ended) return
    if (this.#epoch !== null && message.epoch !== this.#epoch) {
      this.#port.resync('the event stream started anew')
      return
    }
    this.#pushAll(this.#sequencer.accept(message))
    if (this.#epoch !== null && this.#sequencer.missing !== null) void this.#fill(this.#limits.gap_timeout_ms)
  }

  /** Goes on from `after`; the feed has come to `head`. Resolves when the socket has all of it. */
  async follow(epoch: string, after: number, head: number): Promise<void> {
    this.#epoch = epoch
    this.#sequencer.expect(head)
    this.#pushAll(this.#sequencer.start(after))
    await this.#fill(this.#limits.command_timeout_ms)
  }

  /** The feed's true head: what did not come by itself shortly is read. */
  async verify(head: number): Promise<void> {
    if (this.#ended) return
    this.#sequencer.expect(head)
    // While a snapshot is on its way: `follow` reads it.
    if (this.#epoch === null) return
    if (this.#sequencer.missing === null) return
    await delay(this.#limits.gap_retry_ms)
    await this.#fill(this.#limits.gap_timeout_ms)
  }

  #fill(patience_ms: number): Promise<void> {
    this.#filling ??= this.#readMissing(patience_ms).finally(() => {
      this.#filling = null
    })
    return this.#filling
  }

  async #readMissing(patience_ms: number): Promise<void> {
    let progressAt_ms = performance.now()
    for (;;) {
      const missing = this.#sequencer.missing
      // With the hub out of reach the socket is held; the heads are verified once it is back.
      if (this.#ended || missing === null || !this.#port.reachable()) return
      const before = this.last
      const paged = await this.#port.page(missing.after, missing.upto, patience_ms)
      for (const event of paged?.events ?? []) {
        if (!(await this.#port.room()) || this.#ended) return
        this.#pushAll(this.#sequencer.accept(fromPage(event, paged?.epoch ?? '')))
      }
      if (this.last > before) progressAt_ms = performance.now()
      else if (performance.now() - progressAt_ms >= patience_ms) {
        if (this.#port.reachable()) this.#port.resync('an event is missing')
        return
      } else await delay(this.#limits.gap_retry_ms)
    }
  }

  #pushAll(messages: readonly FeedMessage[]): void {
    for (const message of messages) {
      if (this.#ended) return
      if (message.epoch !== this.#epoch) {
        this.#port.resync('the event stream started anew')
        return
      }
      this.#port.push(message)
    }
  }
}
