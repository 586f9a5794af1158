import { Alarms, type SimClock } from './clock.ts'

/** A callback that an operator owes: recorded durably by its owner, tried until it is taken. */
export type Owed = { id: string; dueAtMs: number; untilMs: number }

export type QueueOwner<T extends Owed> = {
  clock: SimClock
  /** Whether it is still owed. */
  has: (id: string) => boolean
  /** Callbacks wait while the operator is out. */
  outageUntilMs: () => number
  /** One try; its status, 0 where there was no answer. */
  send: (callback: T, tried: number) => Promise<number>
  /** Taken, given up, or no longer wanted: durable when it resolves. */
  done: (callback: T, status: number) => Promise<void>
  /** Whether this status ends it. */
  ends: (status: number, callback: T) => boolean
}

/** A callback is tried again after 1, 2, 4 … 300 s until its time is up. */
const LONGEST_PAUSE_S = 300
/** How long a callback is owed, ms. */
export const CALLBACK_KEPT_MS = 86_400_000

export class CallbackQueue<T extends Owed> {
  readonly #owner: QueueOwner<T>
  readonly #alarms: Alarms
  #running = true

  constructor(owner: QueueOwner<T>) {
    this.#owner = owner
    this.#alarms = new Alarms(owner.clock)
  }

  /** Arms what is owed: at the start all of it, later what was recorded since. */
  schedule(callbacks: Iterable<T>): void {
    for (const callback of callbacks) this.#arm(callback, callback.dueAtMs, 0)
  }

  /** A try now, beside the queue's own time for it. */
  async now(callbacks: readonly T[]): Promise<void> {
    await Promise.all(callbacks.map((callback) => this.#try(callback, 0)))
  }

  stop(): void {
    this.#running = false
    this.#alarms.stop()
  }

  #arm(callback: T, atMs: number, tried: number): void {
    this.#alarms.set(callback.id, atMs, () => void this.#try(callback, tried))
  }

  async #try(callback: T, tried: number): Promise<void> {
    const { clock, has, outageUntilMs, send, ends, done } = this.#owner
    if (!this.#running || !has(callback.id)) return
    if (clock.nowMs() < outageUntilMs()) return this.#arm(callback, outageUntilMs(), tried)
    const status = await send(callback, tried).catch(() => 0)
    if (!this.#alive()) return
    if (ends(status, callback) || clock.nowMs() >= callback.untilMs) return done(callback, status)
    this.#arm(callback, clock.nowMs() + 1000 * Math.min(2 ** tried, LONGEST_PAUSE_S), tried + 1)
  }

  /** The queue may have been stopped while a try was waiting. */
  #alive(): boolean {
    return this.#running
  }
}
