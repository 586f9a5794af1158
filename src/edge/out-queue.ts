import type { EdgeLimits } from './limits.ts'
import type { ClientSocket, OutFrame } from './transport/index.ts'

/** A socket's outbound queue: bounded, and short enough for a replay or not. */
export class OutQueue {
  readonly #socket: ClientSocket
  readonly #limits: EdgeLimits

  constructor(socket: ClientSocket, limits: EdgeLimits) {
    this.#socket = socket
    this.#limits = limits
  }

  get bytes(): number {
    return this.#socket.queuedBytes()
  }

  /** Whether a snapshot or replay may go on; where not, the socket says `drained` later. */
  get hasRoom(): boolean {
    return this.bytes < this.#limits.replay_queue_bytes
  }

  /** Queues a frame; false where it does not fit. */
  send(frame: OutFrame): boolean {
    const queued = this.bytes
    if (queued > 0 && queued + frame.length > this.#limits.out_queue_bytes) return false
    this.#socket.send(frame)
    return true
  }
}
