import type { Subscription } from '@nats-io/transport-node'
import { liveSubject, type Bus } from '../bus/index.ts'
import { fromLive, type FeedMessage } from './event-frame.ts'

export type FeedListener = (message: FeedMessage) => void

/**
 * One user's event stream on this edge: one NATS subscription and one built
 * frame an event, shared by that user's sockets. Order and once are each
 * socket's own affair (`Follower`), as each has its own place in the feed.
 */
class Feed {
  readonly #listeners = new Set<FeedListener>()
  readonly #subscription: Subscription

  constructor(bus: Bus, id: string) {
    this.#subscription = bus.subscribe(liveSubject(id), {
      callback: (error, message) => {
        if (error !== null) return
        if (this.#listeners.size === 0) return
        const event = fromLive(message)
        if (event === null) return
        for (const listener of this.#listeners) listener(event)
      },
    })
  }

  get idle(): boolean {
    return this.#listeners.size === 0
  }

  add(listener: FeedListener): void {
    this.#listeners.add(listener)
  }

  remove(listener: FeedListener): void {
    this.#listeners.delete(listener)
  }

  end(): void {
    this.#subscription.unsubscribe()
  }
}

/** The feeds of this edge. A feed lingers after its last socket, as phones come back soon. */
export class Feeds {
  readonly #bus: Bus
  readonly #linger_ms: number
  readonly #feeds = new Map<string, { feed: Feed; lingering: NodeJS.Timeout | null }>()

  constructor(bus: Bus, linger_ms: number) {
    this.#bus = bus
    this.#linger_ms = linger_ms
  }

  get size(): number {
    return this.#feeds.size
  }

  /**
   * Hears a feed from now on; the returned function stops that. NATS handles one
   * connection's messages in order, so what is asked of the hub after this call
   * is asked after the subscription stands: no event falls between the two.
   */
  listen(id: string, listener: FeedListener): () => void {
    let entry = this.#feeds.get(id)
    if (entry === undefined) {
      entry = { feed: new Feed(this.#bus, id), lingering: null }
      this.#feeds.set(id, entry)
    }
    const { feed } = entry
    if (entry.lingering !== null) clearTimeout(entry.lingering)
    entry.lingering = null
    feed.add(listener)
    return () => {
      feed.remove(listener)
      if (feed.idle) this.#lingerThenEnd(id)
    }
  }

  end(): void {
    for (const { feed, lingering } of this.#feeds.values()) {
      if (lingering !== null) clearTimeout(lingering)
      feed.end()
    }
    this.#feeds.clear()
  }

  #lingerThenEnd(id: string): void {
    const entry = this.#feeds.get(id)
    if (entry === undefined || entry.lingering !== null) return
    entry.lingering = setTimeout(() => {
      this.#feeds.delete(id)
      entry.feed.end()
    }, this.#linger_ms)
    entry.lingering.unref()
  }
}
