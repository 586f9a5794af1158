/**
 * Command ids a socket has used. Those in flight are always remembered, of the
 * answered ones the last `limit`: enough to catch a client that repeats itself,
 * without letting a long-lived socket grow. One that sends no command holds none.
 */
export class UsedIds {
  readonly #limit: number
  #recent: Set<string> | null = null
  #inFlight: Set<string> | null = null

  constructor(limit: number) {
    this.#limit = limit
  }

  get inFlight(): number {
    return this.#inFlight?.size ?? 0
  }

  /** Notes an id; false when it was used before. */
  use(id: string): boolean {
    this.#recent ??= new Set()
    if (this.#recent.has(id) || this.#inFlight?.has(id) === true) return false
    this.#recent.add(id)
    if (this.#recent.size > this.#limit) {
      const [oldest] = this.#recent
      if (oldest !== undefined) this.#recent.delete(oldest)
    }
    return true
  }

  begin(id: string): void {
    this.#inFlight ??= new Set()
    this.#inFlight.add(id)
  }

  end(id: string): void {
    this.#inFlight?.delete(id)
  }
}
