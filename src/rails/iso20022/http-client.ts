import { Pool, type Dispatcher } from 'undici'
import type { SendOptions } from '../port.ts'
import { makeConnections, type TlsOptions } from './connection.ts'
import { makeSlots } from './slots.ts'
import { XML_BYTES_MAX } from './xml.ts'

/**
 * One exchange over a bounded pool of mutual-TLS connections: no redirects, no
 * compression, no pipelining, no retry.
 *
 * Where it failed is proved by undici's order of events: `onRequestStart` runs
 * on a connected socket in the same turn as, and before, the write. Before it
 * nothing of the request has left; after it anything may have.
 */

export type HttpRequest = { method: 'GET' | 'POST'; path: string; headers: Record<string, string>; body: Buffer | null }

export type HttpAnswer = {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: Buffer
}

export type Exchanged =
  | { kind: 'answer'; answer: HttpAnswer }
  /** Proven: no byte of the request left. */
  | { kind: 'not_sent'; why: string }
  | { kind: 'unknown'; why: string }

export type HttpClient = {
  exchange(request: HttpRequest, options: SendOptions): Promise<Exchanged>
  close(): Promise<void>
}

export type HttpClientOptions = Omit<TlsOptions, 'connectTimeoutMs'> & {
  origin: string
  /** Connections kept to the bank, each with one request at a time. */
  connectionsMax: number
}

/** Calls waiting for a connection; each waits no longer than its own deadline. */
const WAITING_MAX = 2_000
const CONNECT_TIMEOUT_MS = 5_000
/** Behind the caller's own deadline (8 s), for a caller that forgot it. */
const ANSWER_TIMEOUT_MS = 10_000

export function makeHttpClient(options: HttpClientOptions): HttpClient {
  const connections = makeConnections({ ...options, connectTimeoutMs: CONNECT_TIMEOUT_MS })
  const pool = new Pool(options.origin, {
    connections: options.connectionsMax,
    pipelining: 1,
    connect: connections.connect,
    headersTimeout: ANSWER_TIMEOUT_MS,
    bodyTimeout: ANSWER_TIMEOUT_MS,
    maxResponseSize: XML_BYTES_MAX,
  })

  const slots = makeSlots(options.connectionsMax, WAITING_MAX)

  const exchange = async (request: HttpRequest, send: SendOptions): Promise<Exchanged> => {
    const release = await slots.take(send.signal)
    if (release === null || send.signal.aborted) {
      release?.()
      return { kind: 'not_sent', why: send.signal.aborted ? 'deadline passed' : 'too many calls waiting' }
    }
    return onConnection(request, send, release)
  }

  /** `release` is called when undici is done with the request, which a deadline may outrun. */
  const onConnection = (request: HttpRequest, send: SendOptions, release: () => void): Promise<Exchanged> =>
    new Promise((resolve) => {
      let state: 'waiting' | 'written' | 'ended' = 'waiting'
      let running: Dispatcher.DispatchController | null = null
      let status = 0
      let headers: HttpAnswer['headers'] = {}
      const chunks: Buffer[] = []

      const end = (result: Exchanged): void => {
        if (state === 'ended') return
        state = 'ended'
        send.signal.removeEventListener('abort', onAbort)
        resolve(result)
      }
      const failed = (why: string): Exchanged =>
        state === 'waiting' ? { kind: 'not_sent', why } : { kind: 'unknown', why }
      const onAbort = (): void => {
        end(failed('deadline passed'))
        // A request still waiting for its handshake is refused after it, in onRequestStart.
        const controller = running
        if (controller !== null) connections.resetting(() => controller.abort(new Error('deadline passed')))
      }

      send.signal.addEventListener('abort', onAbort, { once: true })

      pool.dispatch(
        { method: request.method, path: request.path, headers: request.headers, body: request.body },
        {
          // Throwing here makes undici drop the request and keep the connection.
          onRequestStart(controller) {
            if (state === 'written') {
              end({ kind: 'unknown', why: 'the HTTP client tried to write twice' })
              throw new Error('a request is written once')
            }
            if (state === 'ended') throw new Error('given up before it was connected')
            if (!send.mayWrite()) {
              end({ kind: 'not_sent', why: 'too late to write' })
              throw new Error('too late to write')
            }
            state = 'written'
            running = controller
            // The write follows in this turn; a microtask sees it done.
            queueMicrotask(() => {
              if (state === 'written') send.onSent?.()
            })
          },
          onResponseStart(_controller, statusCode, responseHeaders) {
            status = statusCode
            headers = responseHeaders
          },
          onResponseData(_controller, chunk) {
            chunks.push(chunk)
          },
          onResponseEnd() {
            running = null
            release()
            end({ kind: 'answer', answer: { status, headers, body: Buffer.concat(chunks) } })
          },
          onResponseError(_controller, error) {
            running = null
            release()
            end(failed(reasonOf(error)))
          },
        },
      )
    })

  let closed: Promise<void> | null = null
  return { exchange, close: () => (closed ??= pool.close()) }
}

/** A machine's word for a failure, without addresses. */
function reasonOf(error: Error): string {
  const code: unknown = Reflect.get(error, 'code')
  return typeof code === 'string' ? code : error.message
}
