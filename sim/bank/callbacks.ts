import { randomUUID, type KeyObject } from 'node:crypto'
import { Agent as HttpAgent, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { Alarms } from '../common/clock.ts'
import type { Log } from '../common/log.ts'
import type { Bank } from './bank.ts'
import type { Callback, Payment } from './entry.ts'
import { signCallback } from './wire/signature.ts'
import { statusReport, type TransactionStatus } from './wire/report.ts'

/** A callback is tried again after 1, 2, 4 … 300 s, for 24 h, until it is answered 204. */
const LONGEST_PAUSE_MS = 300_000
const KEPT_FOR_MS = 24 * 3_600_000
const DEADLINE_MS = 10_000
const CONNECTIONS = 32

/** The bank's own messages to its client: queued durably, then sent until they are taken. */
export class Callbacks {
  readonly #bank: Bank
  readonly #url: string
  readonly #key: { id: string; key: KeyObject }
  readonly #log: Log
  readonly #alarms: Alarms
  readonly #plain = new HttpAgent({ keepAlive: true, maxSockets: CONNECTIONS })
  readonly #secure = new HttpsAgent({ keepAlive: true, maxSockets: CONNECTIONS })
  #stopped = false

  constructor(bank: Bank, url: string, key: { id: string; key: KeyObject }, log: Log) {
    this.#bank = bank
    this.#url = url
    this.#key = key
    this.#log = log
    this.#alarms = new Alarms(bank.clock)
  }

  /** A callback to be recorded by the caller and then scheduled. The body is fixed here: every try sends the same. */
  make(payment: Payment, about: TransactionStatus, dueAtMs: number): Callback {
    return this.carrying(payment.reference, statusReport(this.#bank.clock.nowMs(), about), dueAtMs)
  }

  /** The same for a body of another kind. */
  carrying(reference: string, body: string, dueAtMs: number): Callback {
    return { id: randomUUID(), reference, body, dueAtMs, untilMs: dueAtMs + KEPT_FOR_MS }
  }

  /** Sends what is due of the queue and arms the rest: at the start, and for each callback recorded since. */
  schedule(callbacks: Iterable<Callback>): void {
    for (const callback of callbacks)
      this.#alarms.set(callback.id, callback.dueAtMs, () => void this.#send(callback, 0))
  }

  /** Sends these now, and lets a reply follow after the gap. */
  async sendFirst(callbacks: readonly Callback[], gapMs: number): Promise<void> {
    for (const callback of callbacks) void this.#send(callback, 0)
    await sleep(gapMs)
  }

  stop(): void {
    this.#stopped = true
    this.#alarms.stop()
    this.#plain.destroy()
    this.#secure.destroy()
  }

  #closed(): boolean {
    return this.#stopped
  }

  async #send(callback: Callback, tried: number): Promise<void> {
    if (this.#closed() || !this.#bank.state.callbacks.has(callback.id)) return
    const { clock, state } = this.#bank
    if (clock.nowMs() < state.outage.untilMs) {
      this.#alarms.set(callback.id, state.outage.untilMs, () => void this.#send(callback, tried))
      return
    }
    const status = await this.#post(callback).catch(() => 0)
    if (this.#closed()) return
    const taken = status === 204
    this.#log('callback', { reference: callback.reference, tried: tried + 1, status })
    if (taken || clock.nowMs() > callback.untilMs) {
      this.#bank.record({ callbackDone: callback.id })
      await this.#bank.durable()
      return
    }
    const pause = Math.min(1000 * 2 ** tried, LONGEST_PAUSE_MS)
    this.#alarms.set(callback.id, clock.nowMs() + pause, () => void this.#send(callback, tried + 1))
  }

  #post(callback: Callback): Promise<number> {
    const url = new URL(this.#url)
    url.searchParams.set('ref', callback.reference)
    const nowS = Math.floor(this.#bank.clock.nowMs() / 1000)
    const headers = {
      ...signCallback('POST', url.href, callback.body, this.#key, nowS),
      'content-length': String(Buffer.byteLength(callback.body)),
    }
    const secure = url.protocol === 'https:'
    return new Promise((resolve, reject) => {
      const request = (secure ? httpsRequest : httpRequest)(url, {
        method: 'POST',
        headers,
        agent: secure ? this.#secure : this.#plain,
        timeout: DEADLINE_MS,
      })
      request.on('timeout', () => request.destroy(new Error('no answer')))
      request.on('error', reject)
      request.on('response', (response) => {
        response.on('error', reject)
        response.on('end', () => resolve(response.statusCode ?? 0))
        response.resume()
      })
      request.end(callback.body)
    })
  }
}
