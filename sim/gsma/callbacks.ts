import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { CALLBACK_KEPT_MS, CallbackQueue } from '../common/callback-queue.ts'
import type { Log } from '../common/log.ts'
import type { Book } from './book.ts'
import type { Client } from './client.ts'
import type { Callback, Payment, Plan } from './entry.ts'

const DEADLINE_MS = 10_000
const STALE_MS = 3_600_000

type Sent = { headers: Record<string, string>; body: string }

/** PUTs to X-Callback-URL. The standard signs nothing; our profile adds X-API-Key, X-Date and X-Content-Hash. */
export class Callbacks {
  readonly queue: CallbackQueue<Callback>
  readonly #book: Book
  readonly #client: Client
  #last: Sent | null = null

  constructor(book: Book, client: Client, log: Log) {
    this.#book = book
    this.#client = client
    this.queue = new CallbackQueue<Callback>({
      clock: book.clock,
      has: (id) => book.state.callbacks.has(id),
      outageUntilMs: () => book.state.outage.untilMs,
      send: async (callback, tried) => {
        const status = await this.#put(callback)
        log('callback', { correlation: callback.correlationId, tried: tried + 1, status })
        return status
      },
      // A forged one is sent once: nobody is to take it.
      ends: (status, callback) => status === 204 || callback.forged !== null,
      done: async (callback) => {
        book.record({ callbackDone: callback.id })
        await book.durable()
      },
    })
  }

  /** A callback to be recorded by the caller and then scheduled. The body is fixed here: every try sends the same. */
  make(payment: Payment, content: object, dueAtMs: number, forged: Plan['forged'] = null): Callback {
    const { callbackUrl: url, correlationId } = payment
    const body = JSON.stringify(content)
    return { id: randomUUID(), url, correlationId, body, forged, dueAtMs, untilMs: dueAtMs + CALLBACK_KEPT_MS }
  }

  #put(callback: Callback): Promise<number> {
    const { headers, body } = this.#dressed(callback)
    const url = new URL(callback.url)
    const ask = url.protocol === 'https:' ? httpsRequest : httpRequest
    return new Promise((resolve, reject) => {
      const request = ask(url, { method: 'PUT', headers, timeout: DEADLINE_MS }, (response) => {
        response.resume().once('error', reject)
        response.once('end', () => resolve(response.statusCode ?? 0))
      })
      request.once('timeout', () => request.destroy(new Error('no answer')))
      request.once('error', reject)
      request.end(body)
    })
  }

  #dressed({ body, correlationId, forged }: Callback): Sent {
    const nowMs = this.#book.clock.nowMs()
    const hash = createHash('sha256').update(body).digest('hex')
    const headers: Record<string, string> = {
      'content-type': 'application/json; charset=utf-8',
      'content-length': String(Buffer.byteLength(body)),
      'x-correlationid': correlationId,
      'x-date': new Date(nowMs).toISOString(),
      'x-api-key': this.#client.callback_api_key,
      'x-content-hash': hash,
    }
    switch (forged) {
      case null:
        this.#last = { headers, body }
        return this.#last
      case 'wrong_key':
        return { body, headers: { ...headers, 'x-api-key': randomBytes(16).toString('hex') } }
      case 'stale':
        return { body, headers: { ...headers, 'x-date': new Date(nowMs - STALE_MS).toISOString() } }
      case 'digest':
        return { body, headers: { ...headers, 'x-content-hash': hash.split('').toReversed().join('') } }
      case 'missing': {
        const { 'x-api-key': _, 'x-content-hash': __, ...rest } = headers
        return { body, headers: rest }
      }
      default:
        // An authentic callback about another order, or a stale one where there was none yet.
        return this.#last ?? { body, headers: { ...headers, 'x-date': new Date(nowMs - STALE_MS).toISOString() } }
    }
  }
}
