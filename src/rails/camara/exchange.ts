import { connect as connectTcp, type Socket } from 'node:net'
import { buildConnector, Pool, type Dispatcher } from 'undici'
import type { SendOptions } from '../port.ts'
import { makeTurns } from './turns.ts'

/**
 * One HTTP exchange with the operator: bounded, without redirect, compression,
 * pipelining or retry.
 *
 * X1. `not_sent` is proven: undici runs `onRequestStart` on a connected socket right before the write, in the same
 *     turn; whatever fails earlier has sent nothing, whatever fails later may have sent everything.
 * X2. A deadline resets the connection, so that the kernel sends nothing later (payments.md, rule 7).
 */

export type Request = { method: 'GET' | 'POST'; path: string; headers: Record<string, string>; body: string | null }

export type RawAnswer = { status: number; headers: Record<string, string | string[] | undefined>; text: string }

export type Exchanged = RawAnswer | { failed: 'not_sent' | 'unknown'; why: string }

export type Exchanger = {
  exchange(request: Request, options: SendOptions): Promise<Exchanged>
  close(): Promise<void>
}

/** Calls that wait for a connection; each no longer than its own deadline. */
const WAITING_MAX = 2_000
const CONNECT_TIMEOUT_MS = 5_000
/** Behind the caller's deadline, for a caller that forgot it. */
const SILENCE_MAX_MS = 10_000
/** A page of payments is the longest answer. */
const ANSWER_BYTES_MAX = 1024 * 1024

export function makeExchanger(origin: string, connectionsMax: number): Exchanger {
  const resets = new Resets()
  const pool = new Pool(origin, {
    connections: connectionsMax,
    pipelining: 1,
    connect: connector(origin, resets),
    headersTimeout: SILENCE_MAX_MS,
    bodyTimeout: SILENCE_MAX_MS,
    maxResponseSize: ANSWER_BYTES_MAX,
  })
  const turns = makeTurns(connectionsMax, WAITING_MAX)
  let closed: Promise<void> | null = null
  return {
    exchange: async (request, options) => {
      const turn = await turns.next(options.signal)
      if (turn === 'full') return { failed: 'not_sent', why: 'too many calls waiting' }
      if (turn === 'aborted') return { failed: 'not_sent', why: 'deadline passed' }
      const exchange = new Exchange(options, resets, turn)
      pool.dispatch(request, exchange)
      return exchange.outcome
    },
    close: () => (closed ??= pool.close()),
  }
}

/** Follows one request through undici; ends once, by whichever of answer, failure and deadline comes first. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly outcome: Promise<Exchanged>
  readonly #resolve: (outcome: Exchanged) => void
  readonly #options: SendOptions
  readonly #resets: Resets
  readonly #turnOver: () => void
  readonly #onDeadline = (): void => this.#deadline()
  #running: Dispatcher.DispatchController | null = null
  #written = false
  #ended = false
  #answer: RawAnswer = { status: 0, headers: {}, text: '' }
  readonly #chunks: Buffer[] = []

  constructor(options: SendOptions, resets: Resets, turnOver: () => void) {
    const { promise, resolve } = Promise.withResolvers<Exchanged>()
    this.outcome = promise
    this.#resolve = resolve
    this.#options = options
    this.#resets = resets
    this.#turnOver = turnOver
    options.signal.addEventListener('abort', this.#onDeadline, { once: true })
  }

  /** Throwing here makes undici drop the request unwritten and keep the connection. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#ended) throw new Error('given up before it was connected')
    if (this.#written) {
      this.#end({ failed: 'unknown', why: 'the HTTP client tried to write twice' })
      throw new Error('a request is written once')
    }
    if (!this.#options.mayWrite()) {
      this.#end({ failed: 'not_sent', why: 'too late to write' })
      throw new Error('too late to write')
    }
    this.#written = true
    this.#running = controller
    // The write follows in this turn; a microtask sees it done.
    queueMicrotask(() => {
      if (!this.#ended) this.#options.onSent?.()
    })
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: RawAnswer['headers']): void {
    this.#answer = { status, headers, text: '' }
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk)
  }

  onResponseEnd(): void {
    this.#over({ ...this.#answer, text: Buffer.concat(this.#chunks).toString('utf8') })
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    const code: unknown = Reflect.get(error, 'code')
    this.#over(this.#failure(typeof code === 'string' ? code : error.message))
  }

  #deadline(): void {
    const running = this.#running
    this.#end(this.#failure('deadline passed'))
    if (running !== null) this.#resets.during(() => running.abort(new Error('deadline passed')))
  }

  #failure(why: string): Exchanged {
    return { failed: this.#written ? 'unknown' : 'not_sent', why }
  }

  /** undici is done with the request, which a deadline may outrun. */
  #over(outcome: Exchanged): void {
    this.#running = null
    this.#turnOver()
    this.#end(outcome)
  }

  #end(outcome: Exchanged): void {
    if (this.#ended) return
    this.#ended = true
    this.#options.signal.removeEventListener('abort', this.#onDeadline)
    this.#resolve(outcome)
  }
}

/** Lets the TCP sockets destroyed within `during` end with a reset instead of a close. */
class Resets {
  #on = false

  during(abort: () => void): void {
    this.#on = true
    try {
      abort()
    } finally {
      this.#on = false
    }
  }

  watch(socket: Socket): Socket {
    const destroy = socket.destroy.bind(socket)
    socket.destroy = (error) => {
      if (!this.#on) return destroy(error)
      this.#on = false
      return socket.resetAndDestroy()
    }
    return socket
  }
}

function connector(origin: string, resets: Resets): buildConnector.connector {
  const secure = origin.startsWith('https:') ? buildConnector({ timeout: CONNECT_TIMEOUT_MS }) : null
  return (options, callback) => {
    const port = Number(options.port || (secure === null ? 80 : 443))
    const socket = resets.watch(connectTcp({ host: options.hostname, port, noDelay: true, keepAlive: true }))
    const late = setTimeout(() => socket.destroy(new Error('no connection in time')), CONNECT_TIMEOUT_MS)
    let connected = false
    // Later errors are undici's or TLS's; without a listener of the socket's own they would end the process.
    socket.on('error', (error) => {
      if (!connected) callback(error, null)
    })
    socket.once('connect', () => {
      connected = true
      if (secure === null) callback(null, socket)
      else secure({ ...options, httpSocket: socket }, callback)
    })
    for (const event of ['connect', 'close']) socket.once(event, () => clearTimeout(late))
  }
}
