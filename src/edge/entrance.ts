import type { FeedOpened, SessionOpened } from '../bus/index.ts'
import { CLOSE, type HelloFrame } from '../contract/index.ts'
import type { Result } from '../domain/result.ts'
import { ending, type Ending } from './faults.ts'
import { feedOf, holderOf, type Identity } from './identity.ts'
import { identify, openFeed, ownCursor } from './opening.ts'
import { Place } from './place.ts'
import type { SessionPort } from './session-port.ts'

/** Who came in, and where their feed goes on. */
export type Arrival = { identity: Identity; opened: SessionOpened; place: Place; feed: FeedOpened; seen: number }

/** From hello to ready: two questions to the hub, and hearing the feed from before the second on. */
export class Entrance {
  readonly #port: SessionPort
  readonly #hello: HelloFrame
  #inside: { opened: SessionOpened; place: Place; seen: number } | null = null

  constructor(port: SessionPort, hello: HelloFrame) {
    this.#port = port
    this.#hello = hello
  }

  get place(): Place | null {
    return this.#inside?.place ?? null
  }

  ask(nonce: string): void {
    const { context, origin } = this.#port
    const answer = identify(context.hub, this.#hello, { nonce, origin }, context.limits.command_timeout_ms)
    context.hellos.during(this.#port.ask(answer, (opened) => ({ type: 'identified', opened })))
  }

  identified(opened: Result<SessionOpened, Ending>): void {
    if (!opened.ok) {
      this.#port.end(opened.error)
      return
    }
    const feed = feedOf(holderOf(opened.value))
    const cursor = ownCursor(this.#hello, feed)
    if (!cursor.ok) {
      this.#port.end(cursor.error)
      return
    }
    const { context } = this.#port
    this.#inside = { opened: opened.value, place: new Place(this.#port, feed), seen: cursor.value?.seq ?? 0 }
    const answer = openFeed(context.hub, this.#hello.token, feed, cursor.value, context.limits.command_timeout_ms)
    context.hellos.during(this.#port.ask(answer, (answered) => ({ type: 'feedOpened', feed: answered })))
  }

  /** Null where the session was ended by the answer. */
  feedOpened(feed: Result<FeedOpened, Ending>): Arrival | null {
    if (!feed.ok) this.#port.end(feed.error)
    if (!feed.ok || this.#inside === null) return null
    const { opened } = this.#inside
    const session = this.#port.context.ids.make('ses')
    const expiresAt_ms = Date.parse(opened.expiresAt)
    const identity = { session, holder: holderOf(opened), token: this.#hello.token, expiresAt_ms }
    return { ...this.#inside, identity, feed: feed.value }
  }
}

/** How a hello ends where too many are in progress. */
export function turnedAway({ min, max }: { min: number; max: number }): Ending {
  const retryAfter_ms = Math.round(min + Math.random() * (max - min))
  return ending(CLOSE.overloaded, 'too many connections are opening; try again', 'overloaded', retryAfter_ms)
}
