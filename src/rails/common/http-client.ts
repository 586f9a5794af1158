import type { SecureContextOptions } from 'node:tls'
import { Pool, type Dispatcher } from 'undici'
import type { SendOptions } from '../port.ts'
import { makeConnections, type Connections } from './connections.ts'
import { makeTurns } from './turns.ts'

/**
 * One exchange with a bank or an operator, over TLS or plain HTTP: bounded
 * connections and answers, no redirects, no compression, no pipelining, no retry.
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
  /** Whom an https origin must convince, and how we convince it; left out, the machine's own CAs. */
  tls?: SecureContextOptions
  /** One exchange at a time each. */
  connectionsMax: number
  /** Longest body of an answer, bytes. */
  replyBytesMax: number
}

export type PooledHttp = {
  exchange(question: HttpQuestion, options: SendOptions): Promise<Exchange>
  close(): Promise<void>
}

/** Exchanges waiting for a connection, none longer than its own deadline; one more is `not_sent` at once. */
const WAITING_MAX = 2_000
const CONNECT_TIMEOUT_MS = 5_000
/** Behind the caller's own deadline (8 s), for a caller that forgot it. */
const SILENCE_MAX_MS = 10_000

export function makePooledHttp({ origin, tls = {}, connectionsMax, replyBytesMax }: HttpClientConfig): PooledHttp {
  const connections = makeConnections({
    tls: origin.startsWith('https:') ? tls : null,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
  })
  const pool = new Pool(origin, {
    connect: connections.connect,
    connections: connectionsMax,
    pipelining: 1,
    maxResponseSize: replyBytesMax,
    headersTimeout: SILENCE_MAX_MS,
    bodyTimeout: SILENCE_MAX_MS,
  })
  const turns = makeTurns(connectionsMax, WAITING_MAX)
  let closing: Promise<void> | null = null

  return {
    exchange: async (question, options) => {
      const turnOver = await turns.next(options.signal)
      if (turnOver === 'full') return { kind: 'not_sent', why: 'too many calls are waiting' }
      if (turnOver === 'aborted' || options.signal.aborted) {
        if (turnOver !== 'aborted') turnOver()
        return { kind: 'not_sent', why: 'deadline passed' }
      }
      const one = new OneExchange(options, connections, turnOver)
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
  readonly #connections: Connections
  readonly #done: () => void
  readonly #outcome = Promise.withResolvers<Exchange>()
  readonly #chunks: Buffer[] = []
  #head: Pick<HttpReply, 'status' | 'headers'> = { status: 0, headers: {} }
  #controller: Dispatcher.DispatchController | null = null
  #state: 'waiting' | 'written' | 'told' = 'waiting'

  /** `done`: called once undici has finished with the request, which the result may precede. */
  constructor(options: SendOptions, connections: Connections, done: () => void) {
    this.#options = options
    this.#connections = connections
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
    if (controller !== null) this.#connections.resetting(() => controller.abort(new Error('deadline passed')))
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
    this.#done()
  }
}
