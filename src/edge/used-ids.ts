/**
 * Command ids a socket has used. Those in flight are always remembered, of the
 * answered ones the last `limit`: enough to catch a client that repeats itself,
 * without letting a long-lived socket grow.
 */
export class UsedIds {
  readonly #limit: number
  readonly #recent = new Set<string>()
  readonly #inFlight = new Set<string>()

  constructor(limit: number) {
    this.#limit = limit
  }

  get inFlight(): number {
    return this.#inFlight.size
  }

  /** Notes an id; false when it was used before. */
  use(id: string): boolean {
    if (this.#recent.has(id) || this.#inFlight.has(id)) return false
    this.#recent.add(id)
    if (this.#recent.size > this.#limit) {
      const [oldest] = this.#recent
      if (oldest !== undefined) this.#recent.delete(oldest)
    }
    return true
  }

  begin(id: string): void {
    this.#inFlight.add(id)
  }

  end(id: string): void {
    this.#inFlight.delete(id)
  }
}
