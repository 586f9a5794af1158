import type { EdgeContext } from './context.ts'
import type { Entrance } from './entrance.ts'
import { SLOW_CONSUMER, wireError, type Ending } from './faults.ts'
import { OutQueue } from './out-queue.ts'
import type { Place } from './place.ts'
import type { SessionMessage } from './session-message.ts'
import type { SessionPort } from './session-port.ts'
import { mayEnter, type Identity, type Live, type SessionState } from './session-state.ts'
import type { ClientSocket, OutFrame } from './transport/index.ts'

/** What a session tells of itself. */
export type Told = { identified(identity: Identity): void; gone(identity: Identity | null): void }

/** What the parts of one session have in common: its stage, its way out, and how it ends. */
export class SessionCore implements SessionPort {
  readonly context: EdgeContext
  readonly told: Told
  readonly post: (message: SessionMessage) => void
  readonly #socket: ClientSocket
  readonly #out: OutQueue
  #state: SessionState
  /** Of the stage: for a hello to come, for a client that was told to leave. */
  #deadline: NodeJS.Timeout | null = null

  constructor(context: EdgeContext, socket: ClientSocket, told: Told, post: (message: SessionMessage) => void) {
    this.context = context
    this.told = told
    this.post = post
    this.#socket = socket
    this.#out = new OutQueue(socket, context.limits)
    this.#state = { at: 'challenged', nonce: context.nonce() }
  }

  get state(): SessionState {
    return this.#state
  }

  get live(): Live | null {
    return 'live' in this.#state ? this.#state.live : null
  }

  get entrance(): Entrance | null {
    return this.#state.at === 'opening' ? this.#state.entrance : null
  }

  get place(): Place | null {
    return this.live?.place ?? this.entrance?.place ?? null
  }

  get identity(): Identity | null {
    return this.live?.identity ?? null
  }

  get token(): string | null {
    return this.live?.identity.token ?? null
  }

  get origin(): string | undefined {
    return this.#socket.origin
  }

  get queuedBytes(): number {
    return this.#out.bytes
  }

  hasRoom(): boolean {
    return this.#out.hasRoom
  }

  /** @throws where a session never goes from the one stage to the other. */
  enter(next: Exclude<SessionState, { at: 'closed' }>): void {
    if (!mayEnter(this.#state.at, next.at)) throw new Error(`a session cannot go from ${this.#state.at} to ${next.at}`)
    this.#state = next
    if (this.#deadline !== null) clearTimeout(this.#deadline)
    this.#deadline = null
  }

  ask<T>(answer: Promise<T>, message: (answer: T) => SessionMessage): Promise<void> {
    return answer.then(
      (value) => this.post(message(value)),
      (error: unknown) => this.post({ type: 'broken', error }),
    )
  }

  after(delay_ms: number, message: SessionMessage): NodeJS.Timeout {
    return setTimeout(this.post, Math.min(delay_ms, LONGEST_TIMER_MS), message)
  }

  /** The one deadline of the stage; the next stage has none of it. */
  within(delay_ms: number, message: SessionMessage): void {
    this.#deadline = this.after(delay_ms, message)
  }

  send(frame: object): void {
    this.write(Buffer.from(JSON.stringify(frame)))
  }

  /** A frame that does not fit ends the session, and the client resumes from its cursor. */
  write(frame: OutFrame): void {
    if (this.#state.at !== 'closed' && !this.#out.send(frame)) this.end(SLOW_CONSUMER)
  }

  /** The error frame where there is one, then the close code. */
  end({ code, reason, error }: Ending): void {
    if (this.#state.at === 'closed') return
    if (error !== null) {
      const requestId = this.context.hub.requestId()
      this.send({ t: 'error', error: wireError(error.code, reason, requestId, error.retryAfter_ms) })
    }
    this.release(code)
    this.#socket.close(code, closeReason(reason))
  }

  /** Lets go of everything it holds; the socket is closed, or about to be. */
  release(code: number): void {
    const { live, place, state } = this
    if (state.at === 'closed') return
    this.#state = { at: 'closed', code }
    this.context.metrics.closes.inc({ code: String(code) })
    if (this.#deadline !== null) clearTimeout(this.#deadline)
    place?.end()
    live?.heartbeat.stop()
    live?.verification.end()
    if (live !== null && live.expiry !== null) clearTimeout(live.expiry)
    this.told.gone(live?.identity ?? null)
  }
}

/** setTimeout's own limit; a token never lives that long. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** A close frame carries at most 123 bytes of reason (RFC 6455 §5.5). */
function closeReason(reason: string): string {
  return Buffer.from(reason)
    .subarray(0, 120)
    .toString()
    .replace(/\uFFFD+$/, '')
}
