/**
 * Turns at a bounded number of connections, first come first served. Who gives up
 * leaves the queue at once, so that the living never wait behind the dead.
 */
export class Turns {
  #free: number
  readonly #waitingMax: number
  /** In order of arrival. */
  readonly #waiting = new Set<() => void>()

  constructor(turnsMax: number, waitingMax: number) {
    this.#free = turnsMax
    this.#waitingMax = waitingMax
  }

  /** False where the queue is full or `signal` came first; else `end` is called once, when the turn is over. */
  async begin(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false
    if (this.#free > 0) {
      this.#free--
      return true
    }
    if (this.#waiting.size >= this.#waitingMax) return false
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const mine = (): void => resolve(true)
    const giveUp = (): void => {
      // Not where the turn has come in the same moment: then it is there to be ended.
      if (this.#waiting.delete(mine)) resolve(false)
    }
    this.#waiting.add(mine)
    signal.addEventListener('abort', giveUp, { once: true })
    const hasTurn = await promise
    signal.removeEventListener('abort', giveUp)
    return hasTurn
  }

  end(): void {
    const [next] = this.#waiting
    if (next === undefined) {
      this.#free++
      return
    }
    this.#waiting.delete(next)
    next()
  }
}
