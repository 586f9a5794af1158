import type { EdgeLimits } from './limits.ts'
import type { SessionMessage } from './session-message.ts'
import type { SessionPort } from './session-port.ts'

const BEAT: SessionMessage = { type: 'beat' }

/** When a session pings while it lives, and whether a pong is overdue. */
export class Heartbeat {
  readonly #port: Pick<SessionPort, 'post'>
  readonly #limits: EdgeLimits
  readonly #interval: NodeJS.Timeout
  #overdue: NodeJS.Timeout | null = null
  #n = 0
  /** A ping waits for the hub; none overtakes it. */
  #underWay = false

  constructor(port: Pick<SessionPort, 'post'>, limits: EdgeLimits) {
    this.#port = port
    this.#limits = limits
    this.#interval = setInterval(port.post, limits.heartbeat_ms, BEAT)
  }

  get awaitsPong(): boolean {
    return this.#overdue !== null
  }

  /** The ping to send now; null while another waits for the hub or for its pong. */
  next(): { n: number; trueHeads: boolean } | null {
    if (this.awaitsPong || this.#underWay) return null
    this.#underWay = true
    const n = ++this.#n
    return { n, trueHeads: n % this.#limits.true_heads_every_pings === 0 }
  }

  /** It is on its way. */
  sent(): void {
    this.#underWay = false
    this.#overdue = setTimeout(() => this.#port.post({ type: 'pongLate' }), this.#limits.pong_timeout_ms)
  }

  pong(n: number): void {
    if (n !== this.#n || this.#overdue === null) return
    clearTimeout(this.#overdue)
    this.#overdue = null
  }

  stop(): void {
    clearInterval(this.#interval)
    if (this.#overdue !== null) clearTimeout(this.#overdue)
  }
}
