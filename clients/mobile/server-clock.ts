import type { Clock } from './ports.ts'

/** The server's time as learnt from `challenge` and `ready`, carried on by the monotonic clock. */
export class ServerClock {
  readonly #clock: Clock
  #at: { server_ms: number; monotonic_ms: number } | null = null

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Takes an RFC 3339 time that was just received; the delay on the way only makes us late. */
  learn(time: string): void {
    const server_ms = Date.parse(time)
    if (Number.isNaN(server_ms)) return
    this.#at = { server_ms, monotonic_ms: this.#clock.monotonic() }
  }

  /** Milliseconds since the epoch; our own clock until the server has spoken. */
  now(): number {
    if (this.#at === null) return this.#clock.now()
    return this.#at.server_ms + (this.#clock.monotonic() - this.#at.monotonic_ms)
  }
}
