export type Sequenced = { readonly seq: number }

/** Events missing between what was delivered and what is known to exist: after < seq ≤ upto. */
export type Missing = { after: number; upto: number }

/**
 * What makes order and once (protocol.md §4): of a feed's events, which come
 * duplicated, late or not at all, it lets out seq = last + 1, drops ≤ last and
 * holds > last + 1. Until `start` it holds everything. Bounded: what does not
 * fit is forgotten and shows up as missing, to be read from Postgres.
 */
export class Sequencer<E extends Sequenced> {
  readonly #capacity: number
  /** None where none is held, as with nearly every socket at nearly every time. */
  #held: Map<number, E> | null = null
  #last: number | null = null
  #known = 0

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /** The last event let out; null before `start`. */
  get last(): number | null {
    return this.#last
  }

  get missing(): Missing | null {
    if (this.#last === null || this.#known <= this.#last) return null
    return { after: this.#last, upto: this.#known }
  }

  /** Everything up to `seq` is with the client; returns what of the held follows it at once. */
  start(seq: number): E[] {
    this.#last = seq
    for (const held of this.#held?.keys() ?? []) if (held <= seq) this.#held?.delete(held)
    return this.#release()
  }

  /** Takes an event and returns those that may go out now, in order. */
  accept(event: E): E[] {
    this.#known = Math.max(this.#known, event.seq)
    if (this.#last !== null && event.seq <= this.#last) return []
    if (this.#last !== null && event.seq === this.#last + 1) {
      this.#last = event.seq
      return this.#held === null ? [event] : [event, ...this.#release()]
    }
    this.#held ??= new Map()
    if (this.#held.size < this.#capacity) this.#held.set(event.seq, event)
    return []
  }

  /** The feed is known to have come to `head`, whether or not its events arrived here. */
  expect(head: number): void {
    this.#known = Math.max(this.#known, head)
  }

  #release(): E[] {
    const out: E[] = []
    while (this.#last !== null) {
      const next = this.#held?.get(this.#last + 1)
      if (next === undefined) break
      this.#held?.delete(next.seq)
      this.#last = next.seq
      out.push(next)
    }
    if (this.#held?.size === 0) this.#held = null
    return out
  }
}
