import { CLOSE } from '../../src/contract/names.ts'
import type { AccessTokens } from './access-tokens.ts'
import { fullJitter } from './backoff.ts'
import { afterEnd, type LinkEnd } from './close-policy.ts'
import type { DeviceKey } from './device-key.ts'
import { MooringError } from './errors.ts'
import type { ClientFrame, FeedCursor, HelloFrame, ReadyFrame } from './frames.ts'
import { LIMITS } from './limits.ts'
import { Link, type LinkFrame } from './link.ts'
import { fraction, type Ports } from './ports.ts'
import { socketProof } from './proofs.ts'
import type { ServerClock } from './server-clock.ts'

const AGENT = 'mooring-js/0.1'

export type SessionOptions = {
  ports: Ports
  /** Edges that serve this user; the first attempt takes any, each further one the next. */
  urls: readonly string[]
  device: string
  key: DeviceKey
  tokens: AccessTokens
  serverClock: ServerClock
  cursors: () => Record<string, FeedCursor>
  onReady: (frame: ReadyFrame) => void
  onFrame: (frame: LinkFrame) => void
  /** The socket is gone; another follows unless the session was closed. */
  onLost: () => void
  /** Ended for good: by `close()` (null) or refused by the server. */
  onClosed: (error: MooringError | null) => void
  onStatus: (status: SessionStatus) => void
}

export type SessionStatus = 'connecting' | 'ready' | 'draining' | 'closed'

/** The lifecycle is one value. `attempt` counts failures since the last session that held. */
type SessionState =
  | { at: 'waiting'; attempt: number; cancel: () => void }
  | { at: 'authorising'; attempt: number }
  | { at: 'connecting'; attempt: number; link: Link; token: string }
  | { at: 'ready'; attempt: number; link: Link; token: string; since: number }
  | { at: 'draining'; attempt: number; link: Link; cancel: () => void }
  | { at: 'closed' }

/** Keeps one socket open: connects, reconnects with backoff, stops where the server refuses for good. */
export class Session {
  readonly #options: SessionOptions
  #state: SessionState = { at: 'authorising', attempt: 0 }
  #triedNewToken = false
  #dials: number
  /** Of the last ping. */
  #nonce = ''
  #offered: string | null = null

  constructor(options: SessionOptions) {
    this.#options = options
    this.#dials = Math.floor(fraction(options.ports.random) * options.urls.length)
    void this.#connect(0)
  }

  /** False where there is no session to send on. */
  send(frame: ClientFrame): boolean {
    return this.#state.at === 'ready' && this.#state.link.send(frame)
  }

  /** Drops the socket and resumes at once from the cursors: after a hole in a feed, or when the phone woke up. */
  resume(reason: string): void {
    switch (this.#state.at) {
      case 'waiting':
        this.#state.cancel()
        return void this.#connect(this.#state.attempt)
      case 'ready':
      case 'draining':
        this.#state.link.end(reason, CLOSE.goingAway)
        return
      case 'authorising':
      case 'connecting':
      case 'closed':
    }
  }

  /** The server asked to move: replies still come on the old socket until `after_ms` are over. */
  drain(after_ms: number): void {
    if (this.#state.at !== 'ready') return
    const { link, attempt } = this.#state
    const cancel = this.#options.ports.clock.after(after_ms, () => link.end('moving as asked', CLOSE.goingAway))
    this.#enter({ at: 'draining', attempt, link, cancel })
  }

  /**
   * Brings a newer token, where the one of this session ends soon, with a proof over a ping's nonce. Where none is to
   * be had, the next ping tries again, and at last the session ends and another begins.
   */
  async refresh(nonce: string): Promise<void> {
    this.#nonce = nonce
    const before = this.#state
    if (before.at !== 'ready') return
    const { key, device, ports, tokens } = this.#options
    try {
      const token = await tokens.get()
      if (token === before.token || this.#state !== before) return
      // Getting it took a while: another ping may have come, and only its nonce is good now.
      const proof = await socketProof(key, device, { nonce: this.#nonce, accessToken: token }, ports)
      if (this.#state === before && before.link.send({ t: 'token', token, proof })) this.#offered = token
    } catch {
      // Nothing is lost: see above.
    }
  }

  /** The server has taken the newer token. */
  tokenTaken(): void {
    if (this.#state.at === 'ready' && this.#offered !== null) this.#state = { ...this.#state, token: this.#offered }
    this.#offered = null
  }

  close(error: MooringError | null = null): void {
    const before = this.#state
    if (before.at === 'closed') return
    this.#enter({ at: 'closed' })
    if (before.at === 'waiting' || before.at === 'draining') before.cancel()
    if ('link' in before) before.link.end('closed by the client')
    this.#options.onLost()
    this.#options.onClosed(error)
  }

  async #connect(attempt: number): Promise<void> {
    this.#enter({ at: 'authorising', attempt })
    let token: string
    try {
      token = await this.#options.tokens.get()
    } catch (error) {
      this.#tokenFailed(attempt, error)
      return
    }
    if (this.#state.at !== 'authorising') return
    try {
      this.#dial(attempt, token)
    } catch (cause) {
      this.close(new MooringError('protocol_fault', 'the socket address cannot be dialled', { cause }))
    }
  }

  #dial(attempt: number, token: string): void {
    const { ports, urls } = this.#options
    const url = urls[this.#dials++ % urls.length]
    if (url === undefined) {
      this.close(new MooringError('closed', 'no socket address was given'))
      return
    }
    const link: Link = new Link(ports, url, {
      hello: (challenge) => this.#hello(challenge, token),
      ready: (frame) => this.#ready(frame),
      frame: (frame) => this.#options.onFrame(frame),
      ended: (end) => this.#ended(link, end),
    })
    this.#enter({ at: 'connecting', attempt, link, token })
  }

  async #hello(challenge: { nonce: string; time: string }, accessToken: string): Promise<HelloFrame> {
    const { key, device, ports, cursors, serverClock } = this.#options
    serverClock.learn(challenge.time)
    const proof = await socketProof(key, device, { nonce: challenge.nonce, accessToken }, ports)
    return { t: 'hello', token: accessToken, proof, agent: AGENT, feeds: cursors() }
  }

  #ready(frame: ReadyFrame): void {
    if (this.#state.at !== 'connecting') return
    const { attempt, link, token } = this.#state
    this.#triedNewToken = false
    this.#options.serverClock.learn(frame.time)
    this.#enter({ at: 'ready', attempt, link, token, since: this.#options.ports.clock.monotonic() })
    this.#options.onReady(frame)
  }

  #ended(link: Link, end: LinkEnd): void {
    const before = this.#state
    if (!('link' in before) || before.link !== link) return
    if (before.at === 'draining') before.cancel()
    if ('token' in before && (end.code === CLOSE.tokenExpired || end.code === CLOSE.unauthenticated)) {
      this.#options.tokens.drop(before.token)
    }
    const next = afterEnd(end, this.#triedNewToken)
    if (next.do === 'stop') {
      this.close(next.error)
      return
    }
    this.#triedNewToken ||= end.code === CLOSE.unauthenticated
    this.#options.onLost()
    if (end.code === CLOSE.goingAway && before.at === 'draining') return void this.#connect(0)
    const held = before.at === 'ready' && this.#options.ports.clock.monotonic() - before.since >= LIMITS.stable_ms
    const attempt = held ? 0 : before.attempt
    if (next.soon && attempt === 0) return void this.#connect(1)
    this.#wait(attempt, 0)
  }

  #tokenFailed(attempt: number, error: unknown): void {
    if (this.#state.at !== 'authorising') return
    if (error instanceof MooringError && error.retryable) {
      this.#wait(attempt, error.retryAfterMs ?? 0)
      return
    }
    this.close(error instanceof MooringError ? error : new MooringError('protocol_fault', 'no token', { cause: error }))
  }

  #wait(attempt: number, atLeast_ms: number): void {
    const { clock, random } = this.#options.ports
    const jitter_ms = fullJitter(attempt, LIMITS.reconnect_base_ms, LIMITS.reconnect_cap_ms, random)
    const cancel = clock.after(Math.max(jitter_ms, atLeast_ms), () => void this.#connect(attempt + 1))
    this.#enter({ at: 'waiting', attempt: attempt + 1, cancel })
  }

  #enter(state: SessionState): void {
    if (this.#state.at === 'closed') return
    const before = statusOf(this.#state)
    this.#state = state
    if (statusOf(state) !== before) this.#options.onStatus(statusOf(state))
  }
}

function statusOf(state: SessionState): SessionStatus {
  return state.at === 'ready' || state.at === 'draining' || state.at === 'closed' ? state.at : 'connecting'
}
