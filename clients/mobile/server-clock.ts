import { LIMITS } from './limits.ts'
import type { Clock } from './ports.ts'

type Learnt = {
  server_ms: number
  monotonic_ms: number
  wall_ms: number
  /** The furthest that wall time was seen ahead of the monotonic clock since: time slept. */
  asleep_ms: number
}

/**
 * The server's time as learnt from `challenge` and `ready`, carried on by the monotonic clock and by what that clock
 * missed: in several browsers it stands still while the device sleeps.
 *
 * Wall time that runs ahead is taken for sleep, though a person may have set the clock. A clock that is slow makes codes
 * and signatures that are past already, after each sleep, and offline nothing mends it. One that is fast is rare, grants
 * nothing (the server takes no signature that ends later than it allows), and the next session mends it. Wall
 * time that goes back is never sleep, so it lowers nothing.
 */
export class ServerClock {
  readonly #clock: Clock
  #learnt: Learnt | null = null

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Takes an RFC 3339 time that was just received; the delay on the way only makes us late. */
  learn(time: string): void {
    const server_ms = Date.parse(time)
    if (Number.isNaN(server_ms)) return
    this.#learnt = { server_ms, monotonic_ms: this.#clock.monotonic(), wall_ms: this.#clock.now(), asleep_ms: 0 }
  }

  /** Milliseconds since the epoch; our own clock until the server has spoken. */
  now(): number {
    const learnt = this.#learnt
    if (learnt === null) return this.#clock.now()
    const awake_ms = this.#clock.monotonic() - learnt.monotonic_ms
    const ahead_ms = this.#clock.now() - learnt.wall_ms - awake_ms
    if (ahead_ms > LIMITS.asleep_ms) learnt.asleep_ms = Math.max(learnt.asleep_ms, ahead_ms)
    return learnt.server_ms + awake_ms + learnt.asleep_ms
  }
}
