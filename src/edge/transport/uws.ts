import type * as Uws from 'uWebSockets.js'
import { CLOSE, PROTOCOL_VERSION, type CloseCode } from '../../contract/index.ts'
import { err, ok, type Result } from '../../domain/result.ts'
import type { EdgeLimits } from '../limits.ts'
import { ConnectionCount } from './connections.ts'
import { SOCKET_PATH, admit } from './handshake.ts'
import type { ClientSocket, ListenOptions, OutFrame, SocketEvents, Transport } from './port.ts'

/** Its types stand for the CommonJS module, which an import has as its default. */
const importUws = async () => (await import('uWebSockets.js')).default
type UwsModule = Awaited<ReturnType<typeof importUws>>
type Peer = { address: string; origin: string | undefined; socket: UwsSocket | null; events: SocketEvents | null }
type Handle = Uws.WebSocket<Peer>

/** A message this many times too long is still told so (1009); a longer one is cut off by the library without a word. */
const TOLD_TOO_LONG = 4

/** Silence after which the library cuts a socket, s; every session's pongs come more often. Also for peers that never finish closing. */
const IDLE_S = 60

/** An HTTP status line as the library wants it. */
const STATUS = {
  400: '400 Bad Request',
  403: '403 Forbidden',
  404: '404 Not Found',
  426: '426 Upgrade Required',
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
 * The transport on uWebSockets.js: a tenth of the memory of `ws` a socket, and two thirds of its CPU a push
 * (docs/performance.md). What the library leaves out is in docs/adr/0017: it cuts invalid UTF-8 and far too long
 * messages without a close frame, does not count fragments, and gives a silent handshake some 30 s.
 */
export async function listenUws(uws: UwsModule, options: ListenOptions): Promise<Transport> {
  const { limits, tls } = options
  const door = new Door(limits, options.loopbackFree)
  const open = new Set<UwsSocket>()
  let accepting = true

  const app = tls === undefined ? uws.App() : uws.SSLApp({ cert_file_name: tls.certFile, key_file_name: tls.keyFile })
  // Of connections that became no socket: which of them ended is not told, only that one did.
  const counted = (response: Uws.HttpResponse, change: unknown): void => {
    if (Number(change) < 0) door.left()
    else if (!door.came(addressOf(response))) response.close()
  }
  app.filter(counted)
  app.ws<Peer>(SOCKET_PATH, {
    compression: uws.DISABLED,
    maxPayloadLength: limits.frame_bytes * TOLD_TOO_LONG,
    maxBackpressure: 0, // no bound of its own, which would drop frames: the session's queue has one
    idleTimeout: IDLE_S,
    sendPingsAutomatically: false,

    upgrade: (response, request, context) => {
      const header = (name: string) => request.getHeader(name)
      const origin = header('origin') === '' ? undefined : header('origin')
      const address = addressOf(response)
      const admission = !accepting
        ? { ok: false as const, status: 503 as const, message: 'this edge is closing' }
        : header('sec-websocket-version') === '13'
          ? admit({ url: request.getUrl(), origin, protocols: header('sec-websocket-protocol') }, options.origins)
          : { ok: false as const, status: 400 as const, message: 'WebSocket version 13 is required' }
      if (!admission.ok) refuse(response, admission.status, admission.message)
      else if (!door.becomesSocket(address)) response.close()
      else {
        const peer: Peer = { address, origin, socket: null, events: null }
        response.upgrade(peer, header('sec-websocket-key'), PROTOCOL_VERSION, '', context)
      }
    },
    open: (handle) => {
      const peer = handle.getUserData()
      peer.socket = new UwsSocket(handle, peer)
      open.add(peer.socket)
      peer.events = options.accept(peer.socket)
    },
    message: (handle, data, isBinary) => {
      if (isBinary) handle.end(CLOSE.binary, 'text frames only')
      else if (data.byteLength > limits.frame_bytes) handle.end(CLOSE.tooLarge, 'a frame is too long')
      // Copied at once: the buffer is the library's again when this returns.
      else handle.getUserData().events?.message(Buffer.from(data).toString())
    },
    drain: (handle) => handle.getUserData().events?.drained(),
    close: (handle, code) => {
      const { address, socket, events } = handle.getUserData()
      if (socket !== null) {
        socket.gone()
        open.delete(socket)
      }
      door.socketEnded(address)
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
      for (const socket of [...open]) socket.cut()
      // Closing handshakes under way may finish.
      await door.empty(limits.close_timeout_ms)
      app.close()
    },
  }
}

/** One socket of the library's; its handle may not be touched once it is gone. */
class UwsSocket implements ClientSocket {
  readonly address: string
  readonly origin: string | undefined
  #handle: Handle | null

  constructor(handle: Handle, { address, origin }: Pick<ClientSocket, 'address' | 'origin'>) {
    this.#handle = handle
    this.address = address
    this.origin = origin
  }

  queuedBytes(): number {
    return this.#handle?.getBufferedAmount() ?? 0
  }

  send(frame: OutFrame): void {
    this.#handle?.send(frame, false)
  }

  /** A peer that does not read would never get the close frame, and keep its queue with us: it is cut. */
  close(code: CloseCode, reason: string): void {
    if (this.queuedBytes() > 0) this.cut()
    else this.#handle?.end(code, reason)
  }

  cut(): void {
    this.#handle?.close()
  }

  gone(): void {
    this.#handle = null
  }
}

/**
 * Who is connected, by address. Of a connection that ends before it becomes a socket the library does not say whose
 * it was: such a one keeps its place for one to two windows, in which an honest client is long through.
 */
class Door {
  readonly #most: number
  readonly #places: ConnectionCount
  readonly #turning: NodeJS.Timeout
  /** Connections by address that are no sockets yet, of this window and of the one before. */
  #begun = new Map<string, number>()
  #before = new Map<string, number>()
  #open = 0
  #whenEmpty: () => void = () => {}

  constructor(limits: EdgeLimits, loopbackFree: boolean) {
    this.#most = limits.connections
    this.#places = new ConnectionCount({ perAddress: limits.connections_per_address, loopbackFree })
    this.#turning = setInterval(() => this.#turn(), limits.http_headers_timeout_ms)
    this.#turning.unref()
  }

  /** A connection was made; false where there is no place for it. */
  came(address: string): boolean {
    this.#open++
    if (this.#open > this.#most || !this.#places.enter(address)) return false
    this.#begun.set(address, (this.#begun.get(address) ?? 0) + 1)
    return true
  }

  /** Its handshake is through; false where it took so long that its place went to another. */
  becomesSocket(address: string): boolean {
    for (const window of [this.#before, this.#begun]) {
      const count = window.get(address) ?? 0
      if (count === 0) continue
      if (count === 1) window.delete(address)
      else window.set(address, count - 1)
      return true
    }
    return this.#places.enter(address)
  }

  socketEnded(address: string): void {
    this.#places.leave(address)
    this.left()
  }

  /** A connection that was no socket yet ended, whichever. */
  left(): void {
    this.#open--
    if (this.#open === 0) this.#whenEmpty()
  }

  /** Resolves when nobody is connected any more, or after so long. */
  async empty(timeout_ms: number): Promise<void> {
    clearInterval(this.#turning)
    if (this.#open === 0) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeout_ms)
      this.#whenEmpty = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  #turn(): void {
    for (const [address, count] of this.#before) {
      for (let i = 0; i < count; i++) this.#places.leave(address)
    }
    this.#before = this.#begun
    this.#begun = new Map()
  }
}

function addressOf(response: Uws.HttpResponse): string {
  return Buffer.from(response.getRemoteAddressAsText()).toString()
}

function refuse(response: Uws.HttpResponse, status: keyof typeof STATUS, message: string): void {
  response.writeStatus(STATUS[status])
  if (status === 426) response.writeHeader('Upgrade', 'websocket')
  response.writeHeader('Content-Type', 'text/plain').end(message, true)
}
