import { Pool, type Dispatcher } from 'undici'
import type { SendOptions } from '../port.ts'
import { makeResettableSockets, type ResettableSockets } from './sockets.ts'
import { Turns } from './turns.ts'

/**
 * One exchange over plain HTTP or TLS, for operators with bearer tokens: bounded
 * connections and answers, no redirects, no pipelining, no retry.
 *
 * Whether anything left is proved by undici's order of events: `onRequestStart`
 * comes on a connected socket, right before the write and in the same turn.
 * What fails before it is `not_sent`, whatever fails after it is `unknown`.
 */
export type HttpQuestion = {
  method: 'GET' | 'POST'
  /** With the query. */
  path: string
  headers: Readonly<Record<string, string>>
  body: Buffer | null
}

export type HttpReply = {
  status: number
  headers: Readonly<Record<string, string | string[] | undefined>>
  body: Buffer
}

export type Exchange =
  | { kind: 'reply'; reply: HttpReply }
  /** Proven: no byte of the request left. */
  | { kind: 'not_sent'; why: string }
  | { kind: 'unknown'; why: string }

export type HttpClientConfig = {
  /** `https://host[:port]`, or http. */
  origin: string
  ca?: string
  /** One exchange at a time each. */
  connectionsMax: number
  /** Exchanges waiting for a connection, none longer than its own deadline; one more is `not_sent` at once. */
  waitingMax: number
  /** Longest body of an answer, bytes. */
  replyBytesMax: number
}

export type PooledHttp = {
  exchange(question: HttpQuestion, options: SendOptions): Promise<Exchange>
  close(): Promise<void>
}

const CONNECT_TIMEOUT_MS = 5_000
/** Behind the caller's own deadline (8 s), for a caller that forgot it. */
const SILENCE_MAX_MS = 10_000

export function makePooledHttp({
  origin,
  ca,
  connectionsMax,
  waitingMax,
  replyBytesMax,
}: HttpClientConfig): PooledHttp {
  const sockets = makeResettableSockets({
    secure: origin.startsWith('https:'),
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    ...(ca === undefined ? {} : { ca }),
  })
  const pool = new Pool(origin, {
    connect: sockets.connect,
    connections: connectionsMax,
    pipelining: 1,
    maxResponseSize: replyBytesMax,
    headersTimeout: SILENCE_MAX_MS,
    bodyTimeout: SILENCE_MAX_MS,
  })
  const turns = new Turns(connectionsMax, waitingMax)
  let closing: Promise<void> | null = null

  return {
    exchange: async (question, options) => {
      const hasTurn = await turns.begin(options.signal)
      if (options.signal.aborted) {
        if (hasTurn) turns.end()
        return { kind: 'not_sent', why: 'deadline passed' }
      }
      if (!hasTurn) return { kind: 'not_sent', why: 'too many calls are waiting' }
      const one = new OneExchange(options, sockets, () => turns.end())
      const { method, path, headers, body } = question
      pool.dispatch({ method, path, headers: { ...headers }, body }, one)
      return one.result
    },
    close: () => (closing ??= pool.close()),
  }
}

/** What undici tells about one request, as an Exchange. */
class OneExchange implements Dispatcher.DispatchHandler {
  readonly #options: SendOptions
  readonly #sockets: ResettableSockets
  readonly #done: () => void
  readonly #outcome = Promise.withResolvers<Exchange>()
  readonly #chunks: Buffer[] = []
  #head: Pick<HttpReply, 'status' | 'headers'> = { status: 0, headers: {} }
  #controller: Dispatcher.DispatchController | null = null
  #state: 'waiting' | 'written' | 'told' = 'waiting'
  #isDone = false

  /** `done`: undici has finished with the request, which the result may precede. */
  constructor(options: SendOptions, sockets: ResettableSockets, done: () => void) {
    this.#options = options
    this.#sockets = sockets
    this.#done = done
    options.signal.addEventListener('abort', this.#giveUp, { once: true })
  }

  get result(): Promise<Exchange> {
    return this.#outcome.promise
  }

  /** Whatever is thrown here makes undici drop the request unwritten, and keep the connection. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#state === 'written') {
      this.#tell({ kind: 'unknown', why: 'the HTTP client tried to write twice' })
      throw new Error('a request is written once')
    }
    if (this.#state === 'waiting' && !this.#options.mayWrite())
      this.#tell({ kind: 'not_sent', why: 'too late to write' })
    if (this.#state === 'told') throw new Error('given up before it was written')
    this.#state = 'written'
    this.#controller = controller
    // undici writes in this very turn; a microtask comes after it.
    queueMicrotask(() => {
      if (this.#state === 'written') this.#options.onSent?.()
    })
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: HttpReply['headers']): void {
    this.#head = { status, headers }
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk)
  }

  onResponseEnd(): void {
    this.#finish({ kind: 'reply', reply: { ...this.#head, body: Buffer.concat(this.#chunks) } })
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    const code: unknown = Reflect.get(error, 'code')
    // A code says nothing of addresses, a message may.
    this.#finish(this.#failed(typeof code === 'string' ? code : error.name))
  }

  readonly #giveUp = (): void => {
    this.#tell(this.#failed('deadline passed'))
    const controller = this.#controller
    if (controller !== null) this.#sockets.withReset(() => controller.abort(new Error('deadline passed')))
  }

  #failed(why: string): Exchange {
    return { kind: this.#state === 'waiting' ? 'not_sent' : 'unknown', why }
  }

  #tell(exchange: Exchange): void {
    if (this.#state === 'told') return
    this.#state = 'told'
    this.#options.signal.removeEventListener('abort', this.#giveUp)
    this.#outcome.resolve(exchange)
  }

  #finish(exchange: Exchange): void {
    this.#controller = null
    this.#tell(exchange)
    if (this.#isDone) return
    this.#isDone = true
    this.#done()
  }
}
