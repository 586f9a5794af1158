import { setTimeout as delay } from 'node:timers/promises'

/** Something is not what it should be: a sentence for the person watching. */
export class Surprise extends Error {
  override readonly name = 'Surprise'
}

const FIRST_LOOK_MS = 5
const SLOWEST_LOOK_MS = 250

/**
 * Waits on conditions, never for a time, until one deadline for everything is
 * over. A process that is killed meanwhile costs patience, nothing else.
 */
export class Patience {
  readonly #limitS: number
  readonly #endsAt: number

  constructor(limitS: number) {
    this.#limitS = limitS
    this.#endsAt = performance.now() + limitS * 1000
  }

  /** Looks until there is something, and brings it. What throws is looked at again. */
  async until<T>(what: string, look: () => Promise<T | undefined> | T | undefined): Promise<T> {
    let lastFault: unknown
    for (let waitMs = FIRST_LOOK_MS; ; waitMs = Math.min(waitMs * 2, SLOWEST_LOOK_MS)) {
      try {
        const found = await look()
        if (found !== undefined) return found
        lastFault = undefined
      } catch (fault) {
        if (fault instanceof Surprise) throw fault
        lastFault = fault
      }
      if (performance.now() > this.#endsAt) throw this.#over(what, lastFault)
      await delay(waitMs)
    }
  }

  /** The promise's value, unless the deadline comes first. */
  async within<T>(what: string, promise: Promise<T>): Promise<T> {
    const stop = new AbortController()
    const leftMs = Math.max(0, this.#endsAt - performance.now())
    try {
      const late = delay(leftMs, undefined, { signal: stop.signal }).then(() => {
        throw this.#over(what, undefined)
      })
      return await Promise.race([promise, late])
    } finally {
      stop.abort()
    }
  }

  #over(what: string, fault: unknown): Surprise {
    const why = fault instanceof Error ? ` (last: ${fault.message})` : ''
    return new Surprise(`${this.#limitS} s are over, still waiting for ${what}${why}.`)
  }
}
