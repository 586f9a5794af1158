/** Work that runs a few at a time, and what may wait for it; one more is turned away. */
export class Lanes {
  readonly #waiting: (() => void)[] = []
  #free: number
  readonly #waitingMax: number

  constructor(lanes: number, waitingMax: number) {
    this.#free = lanes
    this.#waitingMax = waitingMax
  }

  /** Null: too much waits already. */
  async run<T>(work: () => Promise<T>): Promise<T | null> {
    if (this.#free > 0) this.#free -= 1
    else if (this.#waiting.length >= this.#waitingMax) return null
    else await new Promise<void>((resolve) => void this.#waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free += 1
      else next()
    }
  }
}
