import { once } from 'node:events'
import type { Server } from 'node:http'
import { Alarms } from '../common/clock.ts'
import type { Passwords } from './passwords.ts'

/**
 * The operator's port. Where control has a port of its own, an outage that refuses closes this one, so that nothing
 * connects; where both share it, each call is reset when it has been read (operator.ts).
 */
export class Doors {
  readonly #server: Server
  readonly #passwords: Passwords
  readonly #alarms: Alarms
  #at: { port: number; host: string }

  constructor(server: Server, passwords: Passwords, at: { port: number; host: string }) {
    this.#server = server
    this.#passwords = passwords
    this.#alarms = new Alarms(passwords.clock)
    this.#at = at
  }

  get port(): number {
    return this.#at.port
  }

  async open(): Promise<void> {
    if (this.#server.listening) return
    const listening = once(this.#server, 'listening')
    this.#server.listen(this.#at)
    await listening
    const bound = this.#server.address()
    if (typeof bound === 'object' && bound !== null) this.#at = { ...this.#at, port: bound.port }
  }

  /** Puts an outage that began or ended into effect. */
  follow(): void {
    const { untilMs, mode } = this.#passwords.outage
    const over = this.#passwords.clock.nowMs() >= untilMs
    if (over || mode !== 'refuse') return void this.open()
    this.#server.close()
    this.#server.closeAllConnections()
    this.#alarms.set('over', untilMs, () => this.follow())
  }

  stop(): void {
    this.#alarms.stop()
  }
}
