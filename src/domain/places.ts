/** How much of something may go on at once under each name: what waits for an outsider must not fill the hub. */
export class Places {
  readonly #most: number
  readonly #taken = new Map<string, number>()

  constructor(most: number) {
    this.#most = most
  }

  /** Takes one, given back by what is returned; null where none is left. */
  take(name: string): (() => void) | null {
    const taken = this.#taken.get(name) ?? 0
    if (taken >= this.#most) return null
    this.#taken.set(name, taken + 1)
    return () => {
      const left = (this.#taken.get(name) ?? 0) - 1
      if (left > 0) this.#taken.set(name, left)
      else this.#taken.delete(name)
    }
  }
}
