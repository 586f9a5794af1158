import type { WireError } from '../../src/contract/index.ts'
import { PROTOCOL_VERSION } from '../../src/contract/names.ts'
import { utf8 } from './base64url.ts'
import { ABNORMAL, type LinkEnd } from './close-policy.ts'
import {
  readFrame,
  type ClientFrame,
  type EventFrame,
  type GoawayFrame,
  type HelloFrame,
  type PingFrame,
  type ReadyFrame,
  type ReplyFrame,
  type ServerFrame,
  type SnapshotFrame,
  type TokenTakenFrame,
} from './frames.ts'
import { LIMITS } from './limits.ts'
import type { Ports, Socket } from './ports.ts'

export type LinkFrame = EventFrame | SnapshotFrame | ReplyFrame | TokenTakenFrame | GoawayFrame | PingFrame

export type LinkHandlers = {
  /** Makes the hello for this challenge. */
  hello: (challenge: { nonce: string; time: string }) => Promise<HelloFrame>
  ready: (frame: ReadyFrame) => void
  /** Each frame after `ready`, in order. */
  frame: (frame: LinkFrame) => void
  /** Once, last of all. */
  ended: (end: LinkEnd) => void
}

type LinkState = { at: 'dialling' } | { at: 'greeting' } | { at: 'open'; silence_ms: number } | { at: 'ended' }

/**
 * One socket from dialling to its end: challenge, hello, ready, then frames.
 * A watchdog ends it when the server falls silent, because a dead network
 * sends no close frame. After `ended` nothing of this socket is heard again.
 */
export class Link {
  readonly #ports: Ports
  readonly #socket: Socket
  readonly #on: LinkHandlers
  #state: LinkState = { at: 'dialling' }
  #stopWatch: () => void
  #lastError: WireError | null = null

  constructor(ports: Ports, url: string, on: LinkHandlers) {
    this.#ports = ports
    this.#on = on
    this.#socket = ports.socket(url, PROTOCOL_VERSION, {
      message: (data) => this.#receive(data),
      closed: (code, reason) => this.#finish(code, reason),
    })
    this.#stopWatch = ports.clock.after(LIMITS.handshake_ms, () => this.end('no session in time'))
  }

  /** False where the socket is not open. */
  send(frame: ClientFrame): boolean {
    if (this.#state.at !== 'open') return false
    this.#socket.send(JSON.stringify(frame))
    return true
  }

  /** Gives the socket up: closes it without waiting for the other side's consent. */
  end(reason: string, code = ABNORMAL): void {
    if (this.#state.at === 'ended') return
    this.#finish(code, reason)
    this.#socket.close(1000, closeReason(reason))
  }

  #finish(code: number, reason: string): void {
    if (this.#state.at === 'ended') return
    this.#state = { at: 'ended' }
    this.#stopWatch()
    this.#on.ended({ code, reason, error: this.#lastError })
  }

  #receive(data: unknown): void {
    if (this.#state.at === 'ended') return
    const read = readFrame(data)
    if (read.kind === 'malformed') {
      this.end('malformed frame from the server')
      return
    }
    this.#watch()
    if (read.kind === 'frame') this.#handle(read.frame)
  }

  #handle(frame: ServerFrame): void {
    switch (frame.t) {
      case 'challenge':
        if (this.#state.at !== 'dialling') {
          this.end('unexpected challenge')
          return
        }
        this.#state = { at: 'greeting' }
        void this.#greet(frame)
        return
      case 'ready':
        if (this.#state.at !== 'greeting') {
          this.end('unexpected ready')
          return
        }
        this.#state = { at: 'open', silence_ms: frame.heartbeat_ms + LIMITS.heartbeat_grace_ms }
        this.#watch()
        this.#on.ready(frame)
        return
      case 'error':
        this.#lastError = frame.error
        return
      default:
        if (this.#state.at !== 'open') {
          this.end('frame before ready')
          return
        }
        if (frame.t === 'ping') this.send({ t: 'pong', n: frame.n })
        this.#on.frame(frame)
    }
  }

  async #greet(challenge: { nonce: string; time: string }): Promise<void> {
    try {
      const hello = await this.#on.hello(challenge)
      if (this.#state.at === 'greeting') this.#socket.send(JSON.stringify(hello))
    } catch (error) {
      this.end(error instanceof Error ? error.message : 'hello could not be made')
    }
  }

  /** Any frame shows life, so each one starts the silence anew. */
  #watch(): void {
    if (this.#state.at !== 'open') return
    this.#stopWatch()
    this.#stopWatch = this.#ports.clock.after(this.#state.silence_ms, () => this.end('heartbeat lost'))
  }
}

/** As much of a text, in whole characters, as a close frame carries: a WebSocket throws where there is more. */
export function closeReason(text: string): string {
  let reason = ''
  let left = LIMITS.close_reason_bytes
  for (const char of text) {
    left -= utf8(char).length
    if (left < 0) break
    reason += char
  }
  return reason
}
