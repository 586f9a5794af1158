import { setTimeout as delay } from 'node:timers/promises'
import type * as Uws from 'uWebSockets.js'
import { CLOSE, PROTOCOL_VERSION, type CloseCode } from '../../contract/index.ts'
import { clientAddress } from '../../domain/forwarded.ts'
import { err, ok, type Result } from '../../domain/result.ts'
import type { EdgeLimits } from '../limits.ts'
import { Door } from './door.ts'
import { SOCKET_PATH, TOO_MANY, admit } from './handshake.ts'
import type { ClientSocket, ListenOptions, OutFrame, SocketEvents, Transport } from './port.ts'

/** Its types stand for the CommonJS module, which an import has as its default. */
const importUws = async () => (await import('uWebSockets.js')).default
type UwsModule = Awaited<ReturnType<typeof importUws>>
type Client = { address: string; origin: string | undefined; socket: UwsSocket | null; events: SocketEvents | null }
type Handle = Uws.WebSocket<Client>

/** A message this many times too long is still told so (1009); a longer one is cut off by the library without a word. */
const TOLD_TOO_LONG = 4

/** Silence after which the library cuts a socket, s; every session's pongs come more often. Also for peers that never finish closing. */
const IDLE_S = 60

/** A connection that went without a closing handshake, and is gone. */
const ABNORMAL = 1006

/** An HTTP status line as the library wants it. */
const STATUS = {
  400: '400 Bad Request',
  403: '403 Forbidden',
  404: '404 Not Found',
  426: '426 Upgrade Required',
  429: '429 Too Many Requests',
  503: '503 Service Unavailable',
} as const

/** The library, where this system's glibc is new enough for it. */
export async function loadUws(limits: EdgeLimits): Promise<Result<UwsModule, string>> {
  // oxlint-disable-next-line node/no-process-env -- read by the library as it loads; there is no other way
  process.env['UWS_HTTP_MAX_HEADERS_SIZE'] = String(limits.http_headers_bytes)
  try {
    return ok(await importUws())
  } catch (error) {
    return err(error instanceof Error ? (error.message.split('\n').at(-1) ?? '') : String(error))
  }
}

/**
 * The transport on uWebSockets.js, lighter than `ws` in memory a socket and in CPU a push (docs/adr/0005). What the
 * library leaves out is in docs/adr/0017: it cuts invalid UTF-8 and far too long messages without a close frame, does
 * not count fragments, and gives a silent handshake some 30 s.
 */
export async function listenUws(uws: UwsModule, options: ListenOptions): Promise<Transport> {
  const { limits, tls, isProxy } = options
  const door = new Door(limits, options)
  const open = new Set<UwsSocket>()
  let accepting = true

  const app = tls === undefined ? uws.App() : uws.SSLApp({ cert_file_name: tls.certFile, key_file_name: tls.keyFile })
  // Of connections that became no socket: which of them ended is not told, only that one did.
  const counted = (response: Uws.HttpResponse, change: unknown): void => {
    if (Number(change) < 0) door.left()
    else if (!door.came(addressOf(response))) response.close()
  }
  app.filter(counted)
  app.ws<Client>(SOCKET_PATH, {
    compression: uws.DISABLED,
    maxPayloadLength: limits.frame_bytes * TOLD_TOO_LONG,
    maxBackpressure: 0, // no bound of its own, which would drop frames: the session's queue has one
    idleTimeout: IDLE_S,
    sendPingsAutomatically: false,

    upgrade: (response, request, context) => {
      const headers = headersOf(request)
      const origin = headers.get('origin')
      const peer = addressOf(response)
      const address = clientAddress(peer, headers.get('x-forwarded-for'), isProxy)
      const admission = !accepting
        ? { ok: false as const, status: 503 as const, message: 'this edge is closing' }
        : headers.get('sec-websocket-version') === '13'
          ? admit({ url: request.getUrl(), origin, protocols: headers.get('sec-websocket-protocol') }, options.origins)
          : { ok: false as const, status: 400 as const, message: 'WebSocket version 13 is required' }
      if (!admission.ok) refuse(response, admission.status, admission.message)
      else if (!door.becomesSocket(peer, address)) {
        if (isProxy(peer)) refuse(response, TOO_MANY.status, TOO_MANY.message)
        else response.close()
      } else {
        const client: Client = { address, origin, socket: null, events: null }
        response.upgrade(client, headers.get('sec-websocket-key') ?? '', PROTOCOL_VERSION, '', context)
      }
    },
    open: (handle) => {
      const client = handle.getUserData()
      client.socket = new UwsSocket(handle, client, limits.close_timeout_ms)
      open.add(client.socket)
      client.events = options.accept(client.socket)
    },
    message: (handle, data, isBinary) => {
      if (handle.getUserData().socket?.closing === true) return
      if (isBinary) handle.end(CLOSE.binary, 'text frames only')
      else if (data.byteLength > limits.frame_bytes) handle.end(CLOSE.tooLarge, 'a frame is too long')
      // Copied at once: the buffer is the library's again when this returns.
      else handle.getUserData().events?.message(Buffer.from(data).toString())
    },
    drain: (handle) => {
      const { socket, events } = handle.getUserData()
      if (socket?.closing === true) socket.finish()
      else events?.drained()
    },
    close: (handle, code) => {
      const { address, socket, events } = handle.getUserData()
      if (socket !== null) {
        socket.gone()
        open.delete(socket)
      }
      door.socketEnded(address, code !== ABNORMAL)
      events?.closed(code)
    },
  })
  app.any('/*', (response, request) => {
    const found = request.getUrl() === SOCKET_PATH
    refuse(response, found ? 426 : 404, found ? 'this is a WebSocket' : 'no such path')
  })

  const listener = await new Promise<Uws.us_listen_socket>((resolve, reject) => {
    app.listen(options.host, options.port, (token) => {
      if (token === false) reject(new Error(`port ${String(options.port)} of ${options.host} cannot be listened on`))
      else resolve(token)
    })
  })
  const port = uws.us_socket_local_port(listener)

  return {
    kind: 'uws',
    port,
    stopAccepting: () => {
      if (accepting) uws.us_listen_socket_close(listener)
      accepting = false
    },
    close: async () => {
      if (accepting) uws.us_listen_socket_close(listener)
      accepting = false
      for (const socket of [...open]) if (!socket.closing) socket.cut()
      // Closing handshakes under way may finish, as far as that can be seen.
      const late = performance.now() + limits.close_timeout_ms
      while (open.size > 0 && performance.now() < late) await delay(limits.close_grace_ms / 4)
      if (door.close() > 0) await delay(limits.close_grace_ms)
      app.close()
    },
  }
}

/** One socket of the library's; its handle may not be touched once it is gone. */
class UwsSocket implements ClientSocket {
  readonly address: string
  readonly origin: string | undefined
  readonly #closeTimeout_ms: number
  #handle: Handle | null
  #closing: { code: CloseCode; reason: string; timer: NodeJS.Timeout } | null = null

  constructor(handle: Handle, { address, origin }: Pick<ClientSocket, 'address' | 'origin'>, closeTimeout_ms: number) {
    this.#handle = handle
    this.address = address
    this.origin = origin
    this.#closeTimeout_ms = closeTimeout_ms
  }

  /** It was closed, and its peer reads first what came before. */
  get closing(): boolean {
    return this.#closing !== null
  }

  queuedBytes(): number {
    return this.#handle?.getBufferedAmount() ?? 0
  }

  send(frame: OutFrame): void {
    if (this.#closing === null) this.#handle?.send(frame, false)
  }

  /** What is queued goes first; a peer that does not read it is cut after a while. */
  close(code: CloseCode, reason: string): void {
    if (this.#handle === null || this.#closing !== null) return
    if (this.queuedBytes() === 0) this.#handle.end(code, reason)
    else this.#closing = { code, reason, timer: setTimeout(() => this.cut(), this.#closeTimeout_ms) }
  }

  /** Ends a closing one, once its queue is empty. */
  finish(): void {
    if (this.#closing !== null && this.queuedBytes() === 0) this.#handle?.end(this.#closing.code, this.#closing.reason)
  }

  cut(): void {
    this.#handle?.close()
  }

  gone(): void {
    this.#handle = null
    clearTimeout(this.#closing?.timer)
  }
}

function addressOf(response: Uws.HttpResponse): string {
  return Buffer.from(response.getRemoteAddressAsText()).toString()
}

/** Each header by its name, in lower case; several of one name in turn. `getHeader` tells one alone, and '' for none. */
function headersOf(request: Uws.HttpRequest): ReadonlyMap<string, string> {
  const headers = new Map<string, string>()
  request.forEach((name, value) => {
    const before = headers.get(name)
    headers.set(name, before === undefined ? value : `${before},${value}`)
  })
  return headers
}

function refuse(response: Uws.HttpResponse, status: keyof typeof STATUS, message: string): void {
  response.writeStatus(STATUS[status])
  if (status === 426) response.writeHeader('Upgrade', 'websocket')
  response.writeHeader('Content-Type', 'text/plain').end(message, true)
}
