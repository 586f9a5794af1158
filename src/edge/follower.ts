import type { FeedPaged } from '../bus/index.ts'
import { fromPage, type FeedMessage } from './event-frame.ts'
import type { EdgeLimits } from './limits.ts'
import { Sequencer } from './sequencer.ts'

/** What a follower needs of its session. */
export type FollowerPort = {
  /** Hands one event to the socket. */
  push(message: FeedMessage): void
  /** Whether the socket's queue has room; `drained` tells when it has again. */
  hasRoom(): boolean
  /** Asks for committed events; what comes of it goes to `paged`. */
  page(after: number, upto: number, timeout_ms: number): void
  /** Calls `look` after a while. */
  lookLater(delay_ms: number): void
  /** Whether the hub can be asked at all. */
  reachable(): boolean
  /** Monotonic, ms. */
  now(): number
  /** The feed cannot be continued on this socket: close it, so that it resumes. */
  resync(reason: string): void
}

/** Missing events being read: what it waits for, and the page that is on its way out. */
type Fill = {
  readonly patience_ms: number
  progressAt_ms: number
  /** The last event that was out when the page was asked for. */
  before: number
  waits: 'page' | 'room' | 'look'
  page: FeedPaged | null
  next: number
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
  #fill: Fill | null = null
  /** Who is told once nothing is missing, or cannot be read, or the socket has no room for it. */
  #verifying: (() => void)[] | null = null
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

  /** Whether missing events are at hand, and go out as the socket has room. A phone that is gone takes none, for ever. */
  get waitsForRoom(): boolean {
    return this.#fill?.waits === 'room'
  }

  end(): void {
    this.#ended = true
    this.#filled()
  }

  /** A live event. Held until `follow` says from where. */
  hear(message: FeedMessage): void {
    if (this.#ended) return
    if (this.#epoch !== null && message.epoch !== this.#epoch) {
      this.#port.resync('the event stream started anew')
      return
    }
    this.#pushAll(this.#sequencer.accept(message))
    if (this.#epoch !== null && this.#sequencer.missing !== null) this.#readMissing(this.#limits.gap_timeout_ms)
  }

  /** Goes on from `after`; the feed has come to `head`. */
  follow(epoch: string, after: number, head: number): void {
    this.#epoch = epoch
    this.#sequencer.expect(head)
    this.#pushAll(this.#sequencer.start(after))
    this.#readMissing(this.#limits.command_timeout_ms)
  }

  /** The feed's true head: what does not come by itself shortly is read, and `done` told after that, or where it waits for room. */
  verify(head: number, done: () => void): void {
    if (!this.#ended) this.#sequencer.expect(head)
    // While a snapshot is on its way: `follow` reads it.
    if (this.#ended || this.#epoch === null || this.#sequencer.missing === null || this.waitsForRoom) {
      done()
      return
    }
    this.#verifying ??= []
    this.#verifying.push(done)
    this.#port.lookLater(this.#limits.gap_retry_ms)
  }

  /** The page that was asked for; null where the hub did not answer. */
  paged(page: FeedPaged | null): void {
    if (this.#fill?.waits !== 'page') return
    this.#fill.page = page
    this.#fill.next = 0
    this.#takePage(this.#fill)
  }

  drained(): void {
    if (this.#fill !== null && this.waitsForRoom) this.#takePage(this.#fill)
  }

  look(): void {
    if (this.#fill === null) this.#readMissing(this.#limits.gap_timeout_ms)
    else if (this.#fill.waits === 'look') this.#ask(this.#fill)
  }

  #readMissing(patience_ms: number): void {
    if (this.#fill !== null) return
    const { last } = this
    this.#fill = { patience_ms, progressAt_ms: this.#port.now(), before: last, waits: 'page', page: null, next: 0 }
    this.#ask(this.#fill)
  }

  #ask(fill: Fill): void {
    const { missing } = this.#sequencer
    // With the hub out of reach the socket is held; the heads are verified once it is back.
    if (this.#ended || missing === null || !this.#port.reachable()) {
      this.#filled()
      return
    }
    fill.before = this.last
    fill.waits = 'page'
    this.#port.page(missing.after, missing.upto, fill.patience_ms)
  }

  #takePage(fill: Fill): void {
    const { epoch, events } = fill.page ?? { epoch: '', events: [] }
    for (let event = events[fill.next]; event !== undefined; event = events[++fill.next]) {
      if (!this.#port.hasRoom()) {
        fill.waits = 'room'
        this.#tellVerifying()
        return
      }
      this.#pushAll(this.#sequencer.accept(fromPage(event, epoch)))
      if (this.#ended) return
    }
    fill.page = null
    if (this.last > fill.before) {
      fill.progressAt_ms = this.#port.now()
      this.#ask(fill)
    } else if (this.#port.now() - fill.progressAt_ms < fill.patience_ms) {
      fill.waits = 'look'
      this.#port.lookLater(this.#limits.gap_retry_ms)
    } else {
      if (this.#port.reachable()) this.#port.resync('an event is missing')
      this.#filled()
    }
  }

  #filled(): void {
    this.#fill = null
    this.#tellVerifying()
  }

  #tellVerifying(): void {
    const verifying = this.#verifying
    this.#verifying = null
    for (const done of verifying ?? []) done()
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
