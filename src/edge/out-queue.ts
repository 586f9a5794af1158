import type { EdgeLimits } from './limits.ts'
import type { ClientSocket, OutFrame } from './transport/index.ts'

/** A socket's outbound queue: bounded, and saying when a replay may go on. */
export class OutQueue {
  readonly #socket: ClientSocket
  readonly #limits: EdgeLimits
  readonly #overflow: () => void
  #waiting: ((room: boolean) => void)[] = []
  #ended = false

  constructor(socket: ClientSocket, limits: EdgeLimits, overflow: () => void) {
    this.#socket = socket
    this.#limits = limits
    this.#overflow = overflow
  }

  /** Queues a frame; one that does not fit closes the session instead, and the client resumes from its cursor. */
  send(frame: OutFrame): void {
    if (this.#ended) return
    const queued = this.#socket.queuedBytes()
    if (queued > 0 && queued + frame.length > this.#limits.out_queue_bytes) this.#overflow()
    else this.#socket.send(frame)
  }

  /** Waits until the queue is short enough for a replay; false when the socket is gone. */
  async room(): Promise<boolean> {
    while (!this.#ended && this.#socket.queuedBytes() >= this.#limits.replay_queue_bytes) {
      await new Promise<boolean>((resolve) => this.#waiting.push(resolve))
    }
    return !this.#ended
  }

  drained(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resume of waiting) resume(!this.#ended)
  }

  end(): void {
    this.#ended = true
    this.drained()
  }
}
