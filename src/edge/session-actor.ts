import type { Actor } from '../actor/index.ts'
import { CLOSE, type HelloFrame } from '../contract/index.ts'
import { timestamp } from '../domain/clock.ts'
import { assertNever } from '../domain/result.ts'
import { Commands } from './commands.ts'
import { Entrance, turnedAway, type Arrival } from './entrance.ts'
import { GOING_AWAY, TOKEN_EXPIRED, ending, resuming } from './faults.ts'
import { readFrame } from './frame.ts'
import { becomeLive, readyFrame } from './ready.ts'
import { awaitExpiry, renew, renewed } from './renewal.ts'
import type { SessionCore } from './session-core.ts'
import type { SessionMessage, Verified } from './session-message.ts'
import { disposition, type Live } from './session-state.ts'
import { TokenBucket } from './token-bucket.ts'

/**
 * What a session does with each message.
 * S1 its stage is one value and goes forward; what comes too late for it is passed over;
 * S2 it never waits: a question's answer is a message, and finds the state as it is by then;
 * S3 what it cannot hold or did not expect ends it retryably, and the client resumes.
 */
export class SessionActor implements Actor<SessionMessage> {
  readonly #core: SessionCore
  readonly #commands: Commands
  readonly #frameRate: TokenBucket
  /** The last event that its client was given a frame to acknowledge by. */
  #told = 0

  constructor(core: SessionCore) {
    const { clock, limits } = core.context
    this.#core = core
    this.#commands = new Commands(core)
    this.#frameRate = new TokenBucket(limits.frame_rate, clock.monotonic())
  }

  handle(message: SessionMessage): void {
    const core = this.#core
    switch (message.type) {
      case 'event':
        return core.place?.hear(message)
      case 'accepted':
        return this.#challenge()
      case 'text':
        return this.#read(message.text)
      case 'drained':
        return core.place?.drained()
      case 'closed':
        return core.release(message.code)
      case 'end':
        return core.end(message.ending)
      case 'drain':
        return this.#drain(message.reconnect_after_ms)
      case 'verify':
        return this.#verify(message.done)
      case 'resync':
        return core.end(resuming(message.reason))
      case 'identified':
        return core.entrance?.identified(message.opened)
      case 'feedOpened': {
        const arrival = core.entrance?.feedOpened(message.feed) ?? null
        return arrival === null ? undefined : this.#ready(arrival)
      }
      case 'tokenKnown':
        return core.live === null ? undefined : renewed(core, core.live, message.token, message.known)
      case 'paged':
        return core.place?.paged(message.page)
      case 'headRead':
        return core.live?.verification.headRead(message, core.state.at === 'ready' ? core.live : null)
      case 'replied':
        this.#commands.replied(message)
        return this.#finishDraining()
      case 'broken':
        return this.failed(message.error)
      case 'helloLate':
        if (core.state.at === 'challenged') core.end(ending(CLOSE.helloTimeout, 'no hello came in time', null))
        return
      case 'expired':
        if (core.identity?.expiresAt_ms === message.expiresAt_ms) core.end(TOKEN_EXPIRED)
        return
      case 'beat':
        return this.#beat()
      case 'pongLate':
        if (core.live?.heartbeat.awaitsPong === true) core.end(ending(CLOSE.heartbeat, 'no pong came in time', null))
        return
      case 'look':
        return core.place?.look()
      case 'leaveNow':
        if (core.state.at === 'draining') core.state.due = true
        return this.#finishDraining()
      default:
        assertNever(message)
    }
  }

  overflowed(): void {
    this.#core.end(ending(CLOSE.overloaded, 'too much at once for this connection; reconnect to resume', 'overloaded'))
  }

  /** A failure nobody expected is a bug: it is logged, and costs this one socket. */
  failed(error: unknown): void {
    this.#core.context.log.error({ err: error }, 'a session failed')
    this.#core.end(ending(CLOSE.internal, 'this session failed', 'internal'))
  }

  #challenge(): void {
    const { context, state } = this.#core
    if (state.at !== 'challenged') return
    this.#core.send({ t: 'challenge', nonce: state.nonce, time: timestamp(context.clock.now()) })
    this.#core.within(context.limits.hello_timeout_ms, { type: 'helloLate' })
  }

  #read(text: string): void {
    const core = this.#core
    const { state } = core
    if (state.at === 'closed') return
    const { clock, limits } = core.context
    const last = core.place?.last ?? 0
    // Each event may be acknowledged by itself, and all of a replay at once.
    if (last > this.#told) this.#frameRate.give(last - this.#told, limits.replay_events)
    this.#told = Math.max(this.#told, last)
    if (this.#frameRate.take(clock.monotonic()) > 0) {
      core.end(ending(CLOSE.rateAbuse, 'far too many frames', 'rate_limited'))
      return
    }
    const read = readFrame(text, limits.json_depth)
    if (!read.ok) {
      core.end(ending(CLOSE.badFrame, read.error, 'invalid_request'))
      return
    }
    const frame = read.value
    const what = disposition(state.at, frame.t)
    if (what === 'pass') return
    if (what === 'open' && state.at === 'challenged' && frame.t === 'hello') this.#hello(frame, state.nonce)
    else if ('live' in state && what === 'command' && frame.t === 'cmd')
      this.#commands.handle(frame, state.live.identity)
    else if (what === 'decline' && frame.t === 'cmd') this.#commands.decline(frame)
    else if ('live' in state && frame.t === 'token') renew(core, state.live, frame)
    else if ('live' in state && frame.t === 'pong') state.live.heartbeat.pong(frame.n)
    else core.end(ending(CLOSE.badFrame, `${frame.t} is not expected now`, 'invalid_request'))
  }

  #hello(hello: HelloFrame, nonce: string): void {
    const { hellos, limits } = this.#core.context
    if (hellos.full) {
      this.#core.end(turnedAway(limits.overload_retry_ms))
      return
    }
    const entrance = new Entrance(this.#core, hello)
    this.#core.enter({ at: 'opening', entrance })
    entrance.ask(nonce)
  }

  #ready(arrival: Arrival): void {
    const core = this.#core
    const live = becomeLive(core, arrival)
    core.enter({ at: 'ready', live })
    core.send(readyFrame(core, live, arrival))
    awaitExpiry(core, live)
    core.told.identified(live.identity)
    live.place.begin(arrival.feed, arrival.seen)
  }

  #verify(done: (verified: Verified) => void): void {
    const { state } = this.#core
    if (state.at === 'ready') state.live.verification.begin(state.live, done)
    else done({ at: 'ended' })
  }

  #beat(): void {
    const { live } = this.#core
    if (live?.expiry === null) awaitExpiry(this.#core, live)
    const next = live?.heartbeat.next() ?? null
    if (live === null || next === null) return
    if (!next.trueHeads) this.#ping(live, next.n, live.place.last)
    else {
      this.#verify((verified) => {
        this.#ping(live, next.n, verified.at === 'verified' ? verified.head : live.place.last)
      })
    }
  }

  #ping(live: Live, n: number, head: number): void {
    if (this.#core.live !== live) return
    live.nonceBefore = live.nonce
    live.nonce = this.#core.context.nonce()
    this.#core.send({ t: 'ping', n, nonce: live.nonce, heads: { [live.place.feed]: head } })
    live.heartbeat.sent()
  }

  /**
   * Takes no new commands, and asks the client to come back elsewhere after a while; closes once that has passed and
   * the commands in flight are answered. Events go on until then.
   */
  #drain(reconnect_after_ms: number): void {
    const core = this.#core
    if (core.state.at === 'ready') {
      core.enter({ at: 'draining', live: core.state.live, due: false })
      core.send({ t: 'goaway', reconnect_after_ms, reason: 'this edge is closing' })
      core.within(reconnect_after_ms, { type: 'leaveNow' })
    }
    this.#finishDraining()
  }

  #finishDraining(): void {
    const { state } = this.#core
    if (state.at === 'closed' || state.at === 'ready' || this.#commands.inFlight > 0) return
    if (state.at !== 'draining' || state.due) this.#core.end(GOING_AWAY)
  }
}
