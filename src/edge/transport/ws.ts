import { readFileSync } from 'node:fs'
import { STATUS_CODES, createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type WebSocket } from 'ws'
import { CLOSE, PROTOCOL_VERSION, type CloseCode } from '../../contract/index.ts'
import { clientAddress } from '../../domain/forwarded.ts'
import { ConnectionCount } from './connections.ts'
import { SOCKET_PATH, TOO_MANY, admit } from './handshake.ts'
import type { Accept, ClientSocket, ListenOptions, OutFrame, SocketEvents, Transport } from './port.ts'

/**
 * The transport on `ws`. It enforces what belongs to the framing: size (1009),
 * fragments (1008), UTF-8 (1007), no compression, the handshake's deadline, and
 * how many connections there may be, counted at TCP so that one which never
 * finishes its handshake counts too; behind a balancer when the handshake tells
 * whose it is.
 */
export async function listenWs(options: ListenOptions): Promise<Transport> {
  const { limits, isProxy } = options
  const connections = new ConnectionCount({
    perAddress: limits.connections_per_address,
    loopbackFree: options.loopbackFree,
  })
  const open = new Set<WebSocket>()
  let accepting = true

  const framing = {
    noServer: true,
    handleProtocols: () => PROTOCOL_VERSION,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: limits.frame_bytes,
    maxFragments: limits.fragments,
    closeTimeout: limits.close_timeout_ms, // not in @types/ws yet
  }
  const sockets = new WebSocketServer(framing)
  const http = {
    headersTimeout: limits.http_headers_timeout_ms,
    requestTimeout: limits.http_headers_timeout_ms,
    connectionsCheckingInterval: limits.http_check_ms,
    maxHeaderSize: limits.http_headers_bytes,
    // Small, so that 'drain' tells early that a slow reader has caught up.
    highWaterMark: limits.socket_buffer_bytes,
    keepAlive: true,
    noDelay: true,
  }
  const plain: RequestListener = (request, response) => {
    const status = request.url?.split('?', 1)[0] === SOCKET_PATH ? 426 : 404
    response.writeHead(status, { connection: 'close', ...(status === 426 && { upgrade: 'websocket' }) }).end()
  }
  const server =
    options.tls === undefined
      ? createServer(http, plain)
      : createTlsServer(
          {
            ...http,
            cert: readFileSync(options.tls.certFile),
            key: readFileSync(options.tls.keyFile),
            handshakeTimeout: limits.http_headers_timeout_ms,
          },
          plain,
        )
  server.maxConnections = limits.connections

  server.on('connection', (socket: Socket) => {
    const peer = socket.remoteAddress ?? ''
    if (isProxy(peer)) return
    if (!connections.enter(peer)) {
      socket.destroy()
      return
    }
    socket.on('close', () => connections.leave(peer))
  })

  server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    const { origin, 'sec-websocket-protocol': protocols, 'x-forwarded-for': forwarded } = request.headers
    const peer = request.socket.remoteAddress ?? ''
    // Sent twice, Node has joined it: only Set-Cookie ever is a list.
    const address = clientAddress(peer, typeof forwarded === 'string' ? forwarded : undefined, isProxy)
    const admission = accepting
      ? admit({ url: request.url ?? '', origin, protocols }, options.origins)
      : { ok: false as const, status: 503, message: 'this edge is closing' }
    if (!admission.ok) {
      refuse(stream, admission.status, admission.message)
      return
    }
    if (isProxy(peer)) {
      if (!connections.enter(address)) {
        refuse(stream, TOO_MANY.status, TOO_MANY.message)
        return
      }
      stream.on('close', () => connections.leave(address))
    }
    sockets.handleUpgrade(request, stream, head, (ws) => attach(ws, stream, { address, origin }, open, options.accept))
  })

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, resolve)
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a TCP server has an address with a port')
  const { port } = address

  return {
    kind: 'ws',
    port,
    stopAccepting: () => {
      accepting = false
      server.close()
    },
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      // Closing handshakes under way may finish; ws cuts those that take too long.
      await Promise.all([...open].map((ws) => cut(ws, limits.close_timeout_ms)))
      server.closeAllConnections()
      await closed
    },
  }
}

type Client = Pick<ClientSocket, 'address' | 'origin'>

class WsSocket implements ClientSocket {
  readonly address: string
  readonly origin: string | undefined
  readonly #ws: WebSocket

  constructor(ws: WebSocket, { address, origin }: Client) {
    this.#ws = ws
    this.address = address
    this.origin = origin
  }

  queuedBytes(): number {
    return this.#ws.bufferedAmount
  }

  send(frame: OutFrame): void {
    if (this.#ws.readyState === this.#ws.OPEN) this.#ws.send(frame, TEXT)
  }

  close(code: CloseCode, reason: string): void {
    this.#ws.close(code, reason)
  }
}

const TEXT = { binary: false }
const ignore = (): void => {}

/** Apart from the handshake: what listens here lives as long as the socket, and must not keep the request with it. */
function attach(ws: WebSocket, stream: Duplex, client: Client, open: Set<WebSocket>, accept: Accept): void {
  const events: SocketEvents = accept(new WsSocket(ws, client))
  open.add(ws)
  ws.on('message', (data, isBinary) => {
    if (ws.readyState !== ws.OPEN) return
    if (isBinary) ws.close(CLOSE.binary, 'text frames only')
    else if (Buffer.isBuffer(data)) events.message(data.toString())
  })
  stream.on('drain', () => events.drained())
  // `ws` closes with the right code by itself; an error here is the peer's, and `close` follows.
  ws.on('error', ignore)
  // `on`, not `once`, which keeps two objects more a socket: it comes once anyway.
  ws.on('close', (code) => {
    open.delete(ws)
    events.closed(code)
  })
}

/** Resolves when the socket is closed: by its handshake if that is under way, by force if not or if it takes too long. */
async function cut(ws: WebSocket, timeout_ms: number): Promise<void> {
  if (ws.readyState === ws.CLOSED) return
  const closed = new Promise<void>((resolve) => ws.once('close', () => resolve()))
  const timer = setTimeout(() => ws.terminate(), ws.readyState === ws.CLOSING ? timeout_ms : 0)
  await closed
  clearTimeout(timer)
}

function refuse(stream: Duplex, status: number, message: string): void {
  stream.once('finish', () => stream.destroy())
  stream.on('error', () => stream.destroy())
  stream.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nConnection: close\r\nContent-Type: text/plain\r\n` +
      `Content-Length: ${Buffer.byteLength(message)}\r\n\r\n${message}`,
  )
}
