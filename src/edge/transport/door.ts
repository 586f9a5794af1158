import type { TrustedProxy } from '../../domain/forwarded.ts'
import type { EdgeLimits } from '../limits.ts'
import { ConnectionCount } from './connections.ts'

/** uWebSockets.js keeps a connection half closed for up to 16 s, until its peer ends it too. */
const HALF_CLOSED_MS = 16_000
/** Where handshakes get less time than usual, in a test, so do these. */
const HALF_CLOSED_WINDOWS = 4

/** So many connections of each address. */
class Tally {
  readonly #counts = new Map<string, number>()

  add(address: string): void {
    this.#counts.set(address, (this.#counts.get(address) ?? 0) + 1)
  }

  /** Takes one away; false where there is none. */
  take(address: string): boolean {
    const count = this.#counts.get(address) ?? 0
    if (count === 0) return false
    if (count === 1) this.#counts.delete(address)
    else this.#counts.set(address, count - 1)
    return true
  }

  *each(): Iterable<string> {
    for (const [address, count] of this.#counts) for (let i = 0; i < count; i++) yield address
  }
}

/**
 * Who is connected, by address. Of a connection that ends before it becomes a socket the library does not say whose
 * it was, and of a socket that was closed not when its connection is over. Each keeps its place for one to two
 * windows: an honest handshake is long through by then, and the library's own time for a half-closed one is up.
 * Who comes by a balancer is counted when its handshake tells who it is.
 */
export class Door {
  readonly #most: number
  readonly #places: ConnectionCount
  readonly #isProxy: TrustedProxy
  readonly #turns: NodeJS.Timeout[]
  /** No sockets yet, of this window and of the one before. */
  #begun: [Tally, Tally] = [new Tally(), new Tally()]
  /** No sockets any more. */
  #closed: [Tally, Tally] = [new Tally(), new Tally()]
  #open = 0
  #half = 0

  constructor(limits: EdgeLimits, { loopbackFree, isProxy }: { loopbackFree: boolean; isProxy: TrustedProxy }) {
    this.#most = limits.connections
    this.#isProxy = isProxy
    this.#places = new ConnectionCount({ perAddress: limits.connections_per_address, loopbackFree })
    this.#turns = [
      setInterval(() => this.#turnBegun(), limits.http_headers_timeout_ms),
      setInterval(
        () => this.#turnClosed(),
        Math.min(HALF_CLOSED_MS, HALF_CLOSED_WINDOWS * limits.http_headers_timeout_ms),
      ),
    ]
    for (const turn of this.#turns) turn.unref()
  }

  /** A connection was made; false where there is no place for it. */
  came(peer: string): boolean {
    this.#open++
    if (this.#open > this.#most) return false
    if (this.#isProxy(peer)) return true
    if (!this.#places.enter(peer)) return false
    this.#begun[0].add(peer)
    return true
  }

  /**
   * Its handshake is through, and says whose it is.
   * @returns false where it took so long that its place went to another, or where whoever is behind a proxy has none left
   */
  becomesSocket(peer: string, address: string): boolean {
    if (this.#isProxy(peer)) return this.#places.enter(address)
    return this.#begun[1].take(address) || this.#begun[0].take(address) || this.#places.enter(address)
  }

  /** @param half whether its connection may be there for a while yet */
  socketEnded(address: string, half: boolean): void {
    if (half) {
      this.#half++
      this.#closed[0].add(address)
    } else {
      this.#places.leave(address)
      this.left()
    }
  }

  /** A connection that was no socket yet ended, whichever. */
  left(): void {
    this.#open--
  }

  /** Counts no more; says how many were closed a moment ago. */
  close(): number {
    for (const turn of this.#turns) clearInterval(turn)
    return this.#half
  }

  #turnBegun(): void {
    for (const address of this.#begun[1].each()) this.#places.leave(address)
    this.#begun = [new Tally(), this.#begun[0]]
  }

  #turnClosed(): void {
    for (const address of this.#closed[1].each()) {
      this.#places.leave(address)
      this.left()
      this.#half--
    }
    this.#closed = [new Tally(), this.#closed[0]]
  }
}
