import type { EdgeLimits } from './limits.ts'

export type HeartbeatPort = {
  /** Sends the ping; `trueHeads` asks for heads read from Postgres rather than those delivered here. */
  ping(n: number, trueHeads: boolean): Promise<void>
  /** No pong came in time. */
  lost(): void
}

/** Pings while the session lives, and tells when a pong is overdue. */
export class Heartbeat {
  readonly #port: HeartbeatPort
  readonly #limits: EdgeLimits
  readonly #interval: NodeJS.Timeout
  #overdue: NodeJS.Timeout | null = null
  #n = 0
  /** A ping waits for the hub; none overtakes it. */
  #underWay = false
  #stopped = false

  constructor(port: HeartbeatPort, limits: EdgeLimits) {
    this.#port = port
    this.#limits = limits
    this.#interval = setInterval(() => void this.#beat(), limits.heartbeat_ms)
  }

  pong(n: number): void {
    if (n !== this.#n || this.#overdue === null) return
    clearTimeout(this.#overdue)
    this.#overdue = null
  }

  stop(): void {
    this.#stopped = true
    clearInterval(this.#interval)
    if (this.#overdue !== null) clearTimeout(this.#overdue)
  }

  async #beat(): Promise<void> {
    if (this.#overdue !== null || this.#underWay) return
    const n = ++this.#n
    this.#underWay = true
    await this.#port.ping(n, n % this.#limits.true_heads_every_pings === 0)
    this.#underWay = false
    if (this.#stopped) return
    this.#overdue = setTimeout(() => this.#port.lost(), this.#limits.pong_timeout_ms)
  }
}
