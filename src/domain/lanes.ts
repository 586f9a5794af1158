/** How much runs and waits. */
export type LanesLimits = {
  lanes: number
  /** Owners whose turn it is and who wait for a lane. */
  owners: number
  /** What waits behind an owner's own work: of one owner, and of all together. */
  behindOne: number
  behindAll: number
}

/**
 * Work that runs a few at a time, and of one owner one at a time: whoever asks for much takes one lane, and no place in
 * the line before others. What may wait is bounded, so that nobody fills the hub with it; one more is turned away.
 */
export class Lanes {
  readonly #limits: LanesLimits
  #free: number
  #behindAll = 0
  readonly #line: (() => void)[] = []
  /** Of each owner at work, or in the line: what waits for its turn. */
  readonly #behind = new Map<string, (() => void)[]>()

  constructor(limits: LanesLimits) {
    this.#limits = limits
    this.#free = limits.lanes
  }

  /** Null: too much waits already. */
  async run<T>(owner: string, work: () => Promise<T>): Promise<T | null> {
    const turn = this.#turnOf(owner)
    if (turn === null) return null
    await turn
    try {
      return await this.#inLane(work)
    } finally {
      this.#nextOf(owner)
    }
  }

  #turnOf(owner: string): Promise<void> | null {
    const { lanes, owners, behindOne, behindAll } = this.#limits
    const behind = this.#behind.get(owner)
    if (behind === undefined) {
      if (this.#behind.size >= lanes + owners) return null
      this.#behind.set(owner, [])
      return Promise.resolve()
    }
    if (behind.length >= behindOne || this.#behindAll >= behindAll) return null
    this.#behindAll += 1
    return new Promise((resolve) => void behind.push(resolve))
  }

  #nextOf(owner: string): void {
    const next = this.#behind.get(owner)?.shift()
    if (next === undefined) this.#behind.delete(owner)
    else {
      this.#behindAll -= 1
      next()
    }
  }

  async #inLane<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1
    else await new Promise<void>((resolve) => void this.#line.push(resolve))
    try {
      return await work()
    } finally {
      const next = this.#line.shift()
      if (next === undefined) this.#free += 1
      else next()
    }
  }
}
