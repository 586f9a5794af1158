import { once } from 'node:events'
import type { Server } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { Alarms, type SimClock } from './clock.ts'
import type { Outage } from './outage.ts'

const DRAIN_MS = 1_500
/** A port that was ours a moment ago may be somebody's outgoing connection just now. */
const TAKEN_RETRIES = 100
const TAKEN_RETRY_MS = 50

/** A server at its port, which is closed while an outage refuses connections. */
export class Door {
  readonly #server: Server
  readonly #host: string
  readonly #outages: { now: () => Outage; clock: SimClock; alarms: Alarms } | null
  #port: number
  /** Openings and closings, one after the other. */
  #moved: Promise<void> = Promise.resolve()

  /** `outages`: what may close the port, and by which clock; null where nothing does. */
  constructor(
    server: Server,
    at: { host: string; port: number },
    outages: { now: () => Outage; clock: SimClock } | null,
  ) {
    this.#server = server
    this.#host = at.host
    this.#port = at.port
    this.#outages = outages === null ? null : { ...outages, alarms: new Alarms(outages.clock) }
  }

  get port(): number {
    return this.#port
  }

  /** Opens even in an outage, for a moment: a port given as 0 is known after it. */
  async start(): Promise<void> {
    await this.#open()
    await this.outageChanged()
  }

  /** Puts an outage that began, changed or ended into effect; it is when the promise is kept. */
  outageChanged(): Promise<void> {
    const moved = this.#moved.then(() => this.#follow())
    this.#moved = moved.catch(() => {})
    return moved
  }

  /** Lets requests in flight finish for a moment. */
  async stop(): Promise<void> {
    await this.#moved
    this.#outages?.alarms.stop()
    if (!this.#server.listening) return
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeIdleConnections()
    const cut = setTimeout(() => this.#server.closeAllConnections(), DRAIN_MS)
    await closed
    clearTimeout(cut)
  }

  async #follow(): Promise<void> {
    if (this.#outages === null) return
    const { now, clock, alarms } = this.#outages
    const { untilMs, mode } = now()
    if (mode === 'refuse' && clock.nowMs() < untilMs) {
      this.#server.close()
      this.#server.closeAllConnections()
      // Nobody awaits this one: where it fails, the process does, by its handler of such.
      alarms.set('over', untilMs, () => void this.outageChanged().then(() => {}))
    } else await this.#open()
  }

  async #open(): Promise<void> {
    for (let tries = 0; !this.#server.listening; tries += 1) {
      const listening = once(this.#server, 'listening')
      this.#server.listen(this.#port, this.#host)
      try {
        await listening
      } catch (error) {
        if (tries >= TAKEN_RETRIES || !isTaken(error)) throw error
        await delay(TAKEN_RETRY_MS)
      }
    }
    const bound = this.#server.address()
    if (bound !== null && typeof bound === 'object') this.#port = bound.port
  }
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
}
