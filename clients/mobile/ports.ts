/** What the SDK takes from its surroundings; a browser and Node ≥ 22 have all of it, a test brings its own. */
export type Clock = {
  /** Wall time, milliseconds since the epoch; may be wrong, which does no harm: only what it gains in a sleep counts. */
  now(): number
  /** Monotonic time, milliseconds; for spans only. It may stand still while the device sleeps. */
  monotonic(): number
  /** Calls back once after `ms`; the returned function calls it off. */
  after(ms: number, callback: () => void): () => void
}

/** Cryptographically strong random bytes. */
export type Random = (bytes: number) => Uint8Array

/**
 * The part of WebCrypto that is used, `crypto.subtle` or what a library of the platform has in its place: `digest` of
 * SHA-256 by every session, the others by customer codes.
 */
export type Subtle = Pick<
  SubtleCrypto,
  'digest' | 'sign' | 'generateKey' | 'exportKey' | 'importKey' | 'deriveBits' | 'decrypt'
>

/** The part of a WebSocket that is used, as browsers, Node and `ws` have it. */
export type Socket = {
  send(data: string): void
  close(code?: number, reason?: string): void
}
/** What a socket tells: text frames, and once that it is closed, also where it never opened. */
export type SocketListener = { message: (data: unknown) => void; closed: (code: number, reason: string) => void }
export type SocketFactory = (url: string, protocol: string, listener: SocketListener) => Socket

export type Fetch = (url: string, init: RequestInit) => Promise<Response>

export type Ports = {
  clock: Clock
  random: Random
  subtle: Subtle
  socket: SocketFactory
  fetch: Fetch
  /** The `Origin` that the socket's handshake carries, which the proof repeats: a page's own, undefined where none is sent. */
  origin: string | undefined
}

/** The surroundings of this JavaScript realm. */
export function platform(overrides: Partial<Ports> = {}): Ports {
  return {
    clock: systemClock,
    random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
    // Looked up when it is needed: a platform may have none, and its own port is not to fail for it.
    get subtle() {
      return webCrypto()
    },
    socket: openWebSocket,
    fetch: (url, init) => fetch(url, init),
    origin: typeof location === 'undefined' ? undefined : location.origin,
    ...overrides,
  }
}

/** This realm's own. */
export function webCrypto(): SubtleCrypto {
  return crypto.subtle
}

const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms)
    return () => clearTimeout(timer)
  },
}

function openWebSocket(url: string, protocol: string, listener: SocketListener): Socket {
  const socket = new WebSocket(url, [protocol])
  socket.addEventListener('message', (event: MessageEvent<unknown>) => listener.message(event.data))
  socket.addEventListener('close', (event) => listener.closed(event.code, event.reason))
  return socket
}

/** A number in [0, 1) with 48 random bits. */
export function fraction(random: Random): number {
  return random(6).reduce((sum, byte) => (sum + byte) / 256, 0)
}
