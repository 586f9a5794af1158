import { CLOSE, type HelloFrame, type TokenFrame } from '../contract/index.ts'
import { timestamp } from '../domain/clock.ts'
import type { FeedOpened, SessionOpened } from '../bus/index.ts'
import { Commands } from './commands.ts'
import type { EdgeContext } from './context.ts'
import { amountOf, type FeedMessage } from './event-frame.ts'
import { ending, wireError, type Ending } from './faults.ts'
import { Follower } from './follower.ts'
import { readFrame } from './frame.ts'
import { Heartbeat } from './heartbeat.ts'
import { identify, openFeed, ownCursor, readHead, readPage } from './opening.ts'
import { OutQueue } from './out-queue.ts'
import { disposition, mayEnter, type Identity, type Live, type SessionState } from './session-state.ts'
import { snapshotParts } from './snapshot-parts.ts'
import { TokenBucket } from './token-bucket.ts'
import type { ClientSocket, OutFrame, SocketEvents } from './transport/index.ts'

/** What came of comparing a session with the hub: `unanswered` may be tried again. */
export type Verified = { at: 'verified'; head: number } | { at: 'unanswered' } | { at: 'ended' }

/** What a session tells its edge. */
export type SessionOwner = {
  /** The hub has said who this is; older sessions of the device give way. */
  identified(session: Session, identity: Identity): void
  gone(session: Session, identity: Identity | null): void
}

/**
 * One socket, from challenge to close: the actor that owns its lifecycle, its
 * commands, its place in the feed and its outbound queue. Its mailbox is the
 * socket's own order of events; each is handled to its end before the next.
 */
export class Session implements SocketEvents {
  readonly #context: EdgeContext
  readonly #socket: ClientSocket
  readonly #owner: SessionOwner
  readonly #out: OutQueue
  readonly #commands: Commands
  readonly #frameRate: TokenBucket
  readonly #timers = new Set<NodeJS.Timeout>()
  #state: SessionState
  #stopListening: () => void = () => {}

  constructor(context: EdgeContext, socket: ClientSocket, owner: SessionOwner) {
    this.#context = context
    this.#socket = socket
    this.#owner = owner
    this.#out = new OutQueue(socket, context.limits, () =>
      this.end(ending(CLOSE.slowConsumer, 'the outbound queue is full; reconnect to resume', null)),
    )
    this.#frameRate = new TokenBucket(context.limits.frame_rate, context.clock.monotonic())
    this.#commands = new Commands(context, {
      reply: (frame) => this.#send(frame),
      repeatedId: () => this.end(ending(CLOSE.badFrame, 'id: was used before on this socket', 'invalid_request')),
      abuse: () => this.end(ending(CLOSE.rateAbuse, 'far too many commands', 'rate_limited')),
      idle: () => this.#finishDraining(),
    })
    const nonce = context.nonce()
    this.#state = { at: 'challenged', nonce }
    this.#send({ t: 'challenge', nonce, time: timestamp(context.clock.now()) })
    this.#after(context.limits.hello_timeout_ms, () => {
      if (this.#state.at === 'challenged') this.end(ending(CLOSE.helloTimeout, 'no hello came in time', null))
    })
  }

  get queuedBytes(): number {
    return this.#socket.queuedBytes()
  }

  get identity(): Identity | null {
    return this.#state.at === 'ready' || this.#state.at === 'draining' ? this.#state.live.identity : null
  }

  message(text: string): void {
    const state = this.#state
    if (state.at === 'closed') return
    if (this.#frameRate.take(this.#context.clock.monotonic()) > 0) {
      this.end(ending(CLOSE.rateAbuse, 'far too many frames', 'rate_limited'))
      return
    }
    const read = readFrame(text, this.#context.limits.json_depth)
    if (!read.ok) {
      this.end(ending(CLOSE.badFrame, read.error, 'invalid_request'))
      return
    }
    const frame = read.value
    const what = disposition(state.at, frame.t)
    if (what === 'pass') return
    if (what === 'open' && state.at === 'challenged' && frame.t === 'hello') this.#hello(frame, state.nonce)
    else if ('live' in state && what === 'command' && frame.t === 'cmd')
      this.#commands.handle(frame, state.live.identity)
    else if (what === 'decline' && frame.t === 'cmd') this.#commands.decline(frame)
    else if ('live' in state && frame.t === 'token') this.#guard(this.#refresh(frame, state.live))
    else if ('live' in state && frame.t === 'pong') state.live.heartbeat.pong(frame.n)
    else this.end(ending(CLOSE.badFrame, `${frame.t} is not expected now`, 'invalid_request'))
  }

  drained(): void {
    this.#out.drained()
  }

  closed(code: number): void {
    this.#release(code)
  }

  /** Ends the session: the error frame where there is one, then the close code. */
  end({ code, reason, error }: Ending): void {
    if (this.#state.at === 'closed') return
    if (error !== null) {
      this.#send({
        t: 'error',
        error: wireError(error.code, reason, this.#context.hub.requestId(), error.retryAfter_ms),
      })
    }
    this.#release(code)
    this.#socket.close(code, closeReason(reason))
  }

  /**
   * Takes no new commands, and asks the client to come back elsewhere after a while; closes once that has passed and
   * the commands in flight are answered. Events go on until then.
   */
  drain(reconnect_after_ms: number): void {
    if (this.#state.at === 'ready') {
      const draining = { at: 'draining' as const, live: this.#state.live, due: false }
      this.#enter(draining)
      this.#send({ t: 'goaway', reconnect_after_ms, reason: 'this edge is closing' })
      this.#after(reconnect_after_ms, () => {
        draining.due = true
        this.#finishDraining()
      })
    }
    this.#finishDraining()
  }

  /** Compares with the feed's true head, and with what the hub still says of this token. */
  async verify(): Promise<Verified> {
    const state = this.#state
    if (state.at !== 'ready') return { at: 'ended' }
    const { identity, follower } = state.live
    const head = await readHead(
      this.#context.hub,
      identity.token,
      identity.user,
      this.#context.limits.command_timeout_ms,
    )
    if (this.#state !== state) return { at: 'ended' }
    if (head.ok) {
      await follower.verify(head.value)
      return { at: 'verified', head: Math.max(head.value, follower.last) }
    }
    // The token it was asked with has been followed by a newer one.
    if (state.live.identity !== identity) return { at: 'unanswered' }
    if (head.error.code === CLOSE.forbidden) this.end(head.error)
    else if (head.error.code !== CLOSE.unauthenticated) return { at: 'unanswered' }
    else if (this.#context.clock.now() >= identity.expiresAt_ms - EXPIRY_SLACK_MS) this.#expire()
    else this.end(head.error)
    return { at: 'ended' }
  }

  #hello(hello: HelloFrame, nonce: string): void {
    const { limits, load } = this.#context
    if (load.hellos >= limits.hellos_in_progress) {
      const { min, max } = limits.overload_retry_ms
      const retryAfter_ms = Math.round(min + Math.random() * (max - min))
      this.end(ending(CLOSE.overloaded, 'too many connections are opening; try again', 'overloaded', retryAfter_ms))
      return
    }
    this.#enter({ at: 'opening' })
    load.hellos++
    this.#guard(this.#open(hello, nonce).finally(() => load.hellos--))
  }

  /** hello → ready, then catching up goes on by itself. Each await may find the session closed. */
  async #open(hello: HelloFrame, nonce: string): Promise<void> {
    const { hub, limits } = this.#context
    const timeout_ms = limits.command_timeout_ms
    const opened = await identify(hub, hello, { nonce, origin: this.#socket.origin }, timeout_ms)
    if (this.#state.at !== 'opening') return
    if (!opened.ok) {
      this.end(opened.error)
      return
    }
    const { user } = opened.value
    const cursor = ownCursor(hello, user)
    if (!cursor.ok) {
      this.end(cursor.error)
      return
    }
    const follower = this.#follower(user, hello.token)
    this.#stopListening = this.#context.feeds.listen(user, (message) => follower.hear(message))
    const feed = await openFeed(hub, hello.token, user, cursor.value, timeout_ms)
    if (!feed.ok) {
      this.end(feed.error)
      return
    }
    // The feed's answer took a round trip; the session may have ended meanwhile.
    if (!mayEnter(this.#state.at, 'ready')) return
    this.#ready(hello.token, opened.value, feed.value, follower)
    // Takes as long as the client does; it is open meanwhile, and others open.
    this.#guard(this.#catchUp(user, follower, feed.value, cursor.value?.seq ?? 0))
  }

  /** A failure nobody expected is a bug: it is logged, and costs this one socket. */
  #guard(work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.#context.log.error({ err: error }, 'a session failed')
      this.end(ending(CLOSE.internal, 'this session failed', 'internal'))
    })
  }

  #ready(token: string, opened: SessionOpened, feed: FeedOpened, follower: Follower): void {
    const { clock, ids, limits, nonce } = this.#context
    const identity: Identity = {
      session: ids.make('ses'),
      user: opened.user,
      device: opened.device,
      token,
      expiresAt_ms: Date.parse(opened.expiresAt),
    }
    const heartbeat = new Heartbeat(
      {
        ping: (n, trueHeads) => this.#ping(n, trueHeads),
        lost: () => this.end(ending(CLOSE.heartbeat, 'no pong came in time', null)),
      },
      limits,
    )
    const live = { identity, follower, heartbeat, nonce: nonce() }
    this.#enter({ at: 'ready', live })
    this.#send({
      t: 'ready',
      session: identity.session,
      user: opened.user,
      device: opened.device,
      heartbeat_ms: limits.heartbeat_ms,
      time: timestamp(clock.now()),
      expires_at: opened.expiresAt,
      env: opened.env,
      nonce: live.nonce,
      feeds: { [opened.user]: { mode: feed.mode, epoch: feed.epoch, seq: feed.seq } },
    })
    this.#expireAt(live, identity.expiresAt_ms)
    this.#owner.identified(this, identity)
  }

  /** @param opening the token until there is an identity, which has the newest */
  #follower(feed: string, opening: string): Follower {
    const { hub, limits } = this.#context
    return new Follower(
      {
        push: (message) => this.#pushEvent(message),
        room: () => this.#out.room(),
        page: async (after, upto, timeout_ms) => {
          const token = this.identity?.token ?? opening
          const page = await readPage(hub, token, { feed, after, upto }, timeout_ms)
          return page.ok ? page.value : null
        },
        reachable: () => hub.up,
        resync: (reason) => this.end(ending(CLOSE.internal, `${reason}; reconnect to resume`, null)),
      },
      limits,
    )
  }

  /** A snapshot or what was missed, then everything that comes. */
  async #catchUp(feed: string, follower: Follower, opened: FeedOpened, seen: number): Promise<void> {
    const { epoch, mode, seq } = opened
    if (mode === 'snapshot' && !(await this.#snapshot(feed, opened))) return
    await follower.follow(epoch, mode === 'replay' ? seen : seq, seq)
  }

  /** Part by part, as the client takes them; live events wait meanwhile. False where the socket is gone. */
  async #snapshot(feed: string, opened: FeedOpened): Promise<boolean> {
    for (const part of snapshotParts(feed, opened, this.#context.limits.snapshot_part_bytes)) {
      if (!(await this.#out.room())) return false
      this.#send(part)
    }
    return this.#out.room()
  }

  #pushEvent(message: FeedMessage): void {
    this.#write(message.frame)
    this.#context.metrics.events.inc()
    this.#context.pushed?.(amountOf(message))
  }

  async #ping(n: number, trueHeads: boolean): Promise<void> {
    const state = this.#state
    if (!('live' in state)) return
    const { identity, follower } = state.live
    const verified = trueHeads ? await this.verify() : null
    const head = verified?.at === 'verified' ? verified.head : follower.last
    state.live.nonce = this.#context.nonce()
    this.#send({ t: 'ping', n, nonce: state.live.nonce, heads: { [identity.user]: head } })
  }

  /** A newer token of the same device, proved over the last nonce, which is good once. */
  async #refresh(frame: TokenFrame, live: Live): Promise<void> {
    const { hub, limits } = this.#context
    const { nonce } = live
    live.nonce = null
    if (nonce === null) {
      this.end(ending(CLOSE.unauthenticated, 'the nonce was used before; the next ping brings one', 'unauthenticated'))
      return
    }
    const origin = this.#socket.origin
    const known = await identify(hub, frame, { nonce, origin }, limits.command_timeout_ms)
    if (this.#state.at === 'closed') return
    if (!known.ok) {
      // Nobody could say: the token of now is good until its end, and the next ping brings another nonce.
      if (REFUSED.has(known.error.code)) this.end(known.error)
      return
    }
    const { user, device, expiresAt } = known.value
    if (user !== live.identity.user || device !== live.identity.device) {
      this.end(ending(CLOSE.unauthenticated, "the token is another device's", 'unauthenticated'))
      return
    }
    live.identity = { ...live.identity, token: frame.token, expiresAt_ms: Date.parse(expiresAt) }
    this.#expireAt(live, live.identity.expiresAt_ms)
    this.#send({ t: 'token', expires_at: expiresAt })
  }

  /** Ends the session then, unless it has a newer token by that time. */
  #expireAt(live: Live, at_ms: number): void {
    this.#after(Math.max(0, at_ms - this.#context.clock.now()), () => {
      if (live.identity.expiresAt_ms === at_ms) this.#expire()
    })
  }

  #expire(): void {
    this.end(ending(CLOSE.tokenExpired, 'the token has expired', 'unauthenticated'))
  }

  #finishDraining(): void {
    const { at } = this.#state
    if (at === 'closed' || at === 'ready' || this.#commands.inFlight > 0) return
    if (this.#state.at !== 'draining' || this.#state.due) {
      this.end(ending(CLOSE.goingAway, 'this edge is closing', null))
    }
  }

  #enter(next: Exclude<SessionState, { at: 'closed' }>): void {
    if (!mayEnter(this.#state.at, next.at)) throw new Error(`a session cannot go from ${this.#state.at} to ${next.at}`)
    this.#state = next
  }

  #release(code: number): void {
    const state = this.#state
    if (state.at === 'closed') return
    this.#state = { at: 'closed', code }
    this.#context.metrics.closes.inc({ code: String(code) })
    for (const timer of this.#timers) clearTimeout(timer)
    this.#stopListening()
    this.#out.end()
    if ('live' in state) {
      state.live.follower.end()
      state.live.heartbeat.stop()
    }
    this.#owner.gone(this, 'live' in state ? state.live.identity : null)
  }

  #after(delay_ms: number, act: () => void): void {
    if (this.#state.at === 'closed') return
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer)
        act()
      },
      Math.min(delay_ms, LONGEST_TIMER_MS),
    )
    this.#timers.add(timer)
  }

  #send(frame: object): void {
    this.#write(Buffer.from(JSON.stringify(frame)))
  }

  #write(frame: OutFrame): void {
    if (this.#state.at !== 'closed') this.#out.send(frame)
  }
}

/** How a session ends whose newer token was looked at and is none. */
const REFUSED: ReadonlySet<number> = new Set([CLOSE.unauthenticated, CLOSE.forbidden, CLOSE.badFrame])

/** setTimeout's own limit; a token never lives that long. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** A hub that calls a token invalid this close to its end means that it expired. */
const EXPIRY_SLACK_MS = 5_000

/** A close frame carries at most 123 bytes of reason (RFC 6455 §5.5). */
function closeReason(reason: string): string {
  return Buffer.from(reason)
    .subarray(0, 120)
    .toString()
    .replace(/\uFFFD+$/, '')
}
