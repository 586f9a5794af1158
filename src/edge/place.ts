import type { FeedOpened, FeedPaged } from '../bus/index.ts'
import type { SnapshotFrame } from '../contract/index.ts'
import { amountOf, type FeedMessage } from './event-frame.ts'
import { resuming } from './faults.ts'
import { Follower, type FollowerPort } from './follower.ts'
import { readPage } from './opening.ts'
import type { SessionPort } from './session-port.ts'
import { snapshotParts } from './snapshot-parts.ts'

/** A session's place in one feed: what it hears, the snapshot it begins with, and the follower that makes order. */
export class Place implements FollowerPort {
  readonly feed: string
  readonly #port: SessionPort
  readonly #follower: Follower
  readonly #stopListening: () => void
  /** What is left of the snapshot, until the follower takes over. */
  #snapshot: { opened: FeedOpened; parts: SnapshotFrame[] } | null = null
  #looking: NodeJS.Timeout | null = null
  #ended = false

  /** Hears the feed from now on. */
  constructor(port: SessionPort, feed: string) {
    this.feed = feed
    this.#port = port
    this.#follower = new Follower(this, port.context.limits)
    this.#stopListening = port.context.feeds.listen(feed, port.post)
  }

  /** The last event handed to the socket, or what it started from. */
  get last(): number {
    return this.#follower.last
  }

  /** Whether it has events for the socket that go out as this has room. */
  get waitsForRoom(): boolean {
    return this.#follower.waitsForRoom
  }

  hear(message: FeedMessage): void {
    this.#follower.hear(message)
  }

  /** A snapshot or what was missed since `seen`, then everything that comes: as fast as the client takes it. */
  begin(opened: FeedOpened, seen: number): void {
    if (opened.mode === 'snapshot') {
      const parts = snapshotParts(this.feed, opened, this.#port.context.limits.snapshot_part_bytes)
      this.#snapshot = { opened, parts }
      this.#sendParts()
    } else this.#follower.follow(opened.epoch, opened.mode === 'replay' ? seen : opened.seq, opened.seq)
  }

  verify(head: number, done: () => void): void {
    this.#follower.verify(head, done)
  }

  paged(page: FeedPaged | null): void {
    this.#follower.paged(page)
  }

  drained(): void {
    if (this.#snapshot === null) this.#follower.drained()
    else this.#sendParts()
  }

  look(): void {
    this.#looking = null
    this.#follower.look()
  }

  end(): void {
    this.#ended = true
    this.#snapshot = null
    if (this.#looking !== null) clearTimeout(this.#looking)
    this.#follower.end()
    this.#stopListening()
  }

  push(message: FeedMessage): void {
    const { metrics, pushed } = this.#port.context
    this.#port.write(message.frame)
    metrics.events.inc()
    pushed?.(amountOf(message))
  }

  hasRoom(): boolean {
    return !this.#ended && this.#port.hasRoom()
  }

  page(after: number, upto: number, timeout_ms: number): void {
    const { context, token } = this.#port
    if (token === null) return
    void this.#port.ask(readPage(context.hub, token, { feed: this.feed, after, upto }, timeout_ms), (page) => ({
      type: 'paged',
      page: page.ok ? page.value : null,
    }))
  }

  lookLater(delay_ms: number): void {
    this.#looking ??= this.#port.after(delay_ms, { type: 'look' })
  }

  reachable(): boolean {
    return this.#port.context.hub.up
  }

  now(): number {
    return this.#port.context.clock.monotonic()
  }

  resync(reason: string): void {
    this.#port.end(resuming(reason))
  }

  /** Part by part; live events wait meanwhile. */
  #sendParts(): void {
    while (this.#snapshot !== null && this.hasRoom()) {
      const { opened, parts } = this.#snapshot
      const part = parts.shift()
      if (part !== undefined) this.#port.send(part)
      else {
        this.#snapshot = null
        this.#follower.follow(opened.epoch, opened.seq, opened.seq)
      }
    }
  }
}
