import type { Server } from 'node:http'
import { Alarms } from '../common/clock.ts'
import type { Book } from './book.ts'

const DRAIN_MS = 1_500

/** A server at its port, which closes for the time of an outage that refuses connections. */
export class Listener {
  readonly #server: Server
  readonly #host: string
  readonly #book: Book | null
  readonly #alarms: Alarms | null
  #port: number

  /** `book`: whose outages close the port; null for none. */
  constructor(server: Server, at: { host: string; port: number }, book: Book | null) {
    this.#server = server
    this.#host = at.host
    this.#port = at.port
    this.#book = book
    this.#alarms = book === null ? null : new Alarms(book.clock)
  }

  get port(): number {
    return this.#port
  }

  async start(): Promise<void> {
    await this.#open()
    this.outageChanged()
  }

  /** Puts an outage that began, ended or changed into effect. */
  outageChanged(): void {
    if (this.#book === null) return
    const { untilMs, mode } = this.#book.state.outage
    if (mode === 'refuse' && this.#book.clock.nowMs() < untilMs) {
      this.#server.close()
      this.#server.closeAllConnections()
      this.#alarms?.set('over', untilMs, () => this.outageChanged())
    } else void this.#open()
  }

  /** Lets requests in flight finish for a moment. */
  async stop(): Promise<void> {
    this.#alarms?.stop()
    if (!this.#server.listening) return
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeIdleConnections()
    const cut = setTimeout(() => this.#server.closeAllConnections(), DRAIN_MS)
    await closed
    clearTimeout(cut)
  }

  async #open(): Promise<void> {
    if (this.#server.listening) return
    const opened = Promise.withResolvers<void>()
    this.#server.once('error', opened.reject)
    this.#server.listen(this.#port, this.#host, opened.resolve)
    await opened.promise
    this.#server.off('error', opened.reject)
    const bound = this.#server.address()
    if (bound !== null && typeof bound === 'object') this.#port = bound.port
  }
}
