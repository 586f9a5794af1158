import type { Msg, Subscription } from '@nats-io/transport-node'
import { Mailbox, type Actor } from '../actor/index.ts'
import { liveSubject, subscribeByCallback, type Bus } from '../bus/index.ts'
import type { Log } from '../observe/log.ts'
import { fromLive, type FeedNews } from './event-frame.ts'
import type { EdgeLimits } from './limits.ts'

export type FeedListener = (news: FeedNews) => void

type ToFeed =
  | { type: 'live'; message: Msg }
  | { type: 'join' | 'leave'; listener: FeedListener }
  /** Nobody has listened for a while. */
  | { type: 'lonely' }

/**
 * One user's event stream on this edge: the actor that owns one NATS
 * subscription and builds one frame an event, shared by that user's sockets.
 * Order and once are each socket's own affair (`Follower`), as each has its own
 * place in the feed. Where events may have been lost here, all who listen
 * resume. It lingers after its last listener, as phones come back soon.
 */
class Feed implements Actor<ToFeed> {
  readonly #options: OneFeedOptions
  readonly #id: string
  /** Nearly always one: a set takes more than all the rest of a feed, and a list that is pushed to makes room for 17. */
  #listeners: readonly FeedListener[] = []
  readonly #mailbox: Mailbox<ToFeed>
  readonly #subscription: Subscription
  #lingering: NodeJS.Timeout | null = null

  constructor(options: OneFeedOptions, id: string) {
    this.#options = options
    this.#id = id
    this.#mailbox = new Mailbox(this, options.limits.feed_mailbox)
    this.#subscription = subscribeByCallback(options.bus, liveSubject(id), (error, message) => {
      if (error === null) this.#mailbox.post({ type: 'live', message })
    })
  }

  /** Tells a listener all that comes from now on; the returned function ends that. */
  listen(listener: FeedListener): () => void {
    if (!this.#mailbox.post({ type: 'join', listener })) listener(TOO_MUCH)
    return () => void this.#mailbox.post({ type: 'leave', listener })
  }

  handle(message: ToFeed): void {
    switch (message.type) {
      case 'live': {
        if (this.#listeners.length === 0) return
        const event = fromLive(message.message)
        if (event !== null) this.#tell(event)
        return
      }
      case 'join':
        if (this.#lingering !== null) clearTimeout(this.#lingering)
        this.#lingering = null
        this.#listeners = [...this.#listeners, message.listener]
        return
      case 'leave':
        this.#listeners = this.#listeners.filter((listener) => listener !== message.listener)
        if (this.#listeners.length === 0) this.#linger()
        return
      case 'lonely':
        if (this.#listeners.length === 0) this.end()
    }
  }

  overflowed(): void {
    this.#options.log.warn('more came at once than a feed takes; its sessions resume')
    this.#tell(TOO_MUCH)
  }

  failed(error: unknown): void {
    this.#options.log.error({ err: error }, 'a feed failed; its sessions resume')
    this.#tell({ type: 'resync', reason: 'the event stream failed' })
  }

  end(): void {
    if (this.#lingering !== null) clearTimeout(this.#lingering)
    this.#mailbox.stop()
    this.#subscription.unsubscribe()
    this.#options.ended(this.#id)
  }

  #tell(news: FeedNews): void {
    for (const listener of this.#listeners) listener(news)
  }

  #linger(): void {
    this.#lingering ??= setTimeout(() => this.#mailbox.post({ type: 'lonely' }), this.#options.limits.feed_linger_ms)
    this.#lingering.unref()
  }
}

const TOO_MUCH: FeedNews = { type: 'resync', reason: 'too many events came at once' }

export type FeedOptions = { bus: Bus; limits: EdgeLimits; log: Log }
type OneFeedOptions = FeedOptions & { ended: (id: string) => void }

/** Where the feeds of this edge are found. */
export class Feeds {
  readonly #options: OneFeedOptions
  readonly #feeds = new Map<string, Feed>()

  constructor(options: FeedOptions) {
    this.#options = { ...options, ended: (id) => void this.#feeds.delete(id) }
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
    let feed = this.#feeds.get(id)
    if (feed === undefined) {
      feed = new Feed(this.#options, id)
      this.#feeds.set(id, feed)
    }
    return feed.listen(listener)
  }

  end(): void {
    for (const feed of this.#feeds.values()) feed.end()
  }
}
