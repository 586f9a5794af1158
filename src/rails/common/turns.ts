/**
 * Turns at the connections, first come first served. Who gives up waiting leaves
 * the queue at once: left to the HTTP client, dead calls would each wait for a
 * connection of their own and push the living ones past their deadlines.
 */
export type Turns = {
  /** What to call when the turn is over; `full` where too many wait, `aborted` where `signal` came first. */
  next(signal: AbortSignal): Promise<(() => void) | 'full' | 'aborted'>
}

export function makeTurns(turnsMax: number, waitingMax: number): Turns {
  let free = turnsMax
  /** In order of arrival. */
  const waiting = new Set<() => void>()

  /** A turn; over twice is over once. */
  const turn = (): (() => void) => {
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      const [next] = waiting
      if (next === undefined) free++
      else next()
    }
  }

  return {
    next: async (signal) => {
      if (signal.aborted) return 'aborted'
      if (free > 0) {
        free--
        return turn()
      }
      if (waiting.size >= waitingMax) return 'full'
      const { promise, resolve } = Promise.withResolvers<(() => void) | 'aborted'>()
      // Out of the queue in the same turn in which it is called or gives up: nobody is called twice.
      const leave = (result: (() => void) | 'aborted'): void => {
        waiting.delete(called)
        signal.removeEventListener('abort', gaveUp)
        resolve(result)
      }
      const called = (): void => leave(turn())
      const gaveUp = (): void => leave('aborted')
      waiting.add(called)
      signal.addEventListener('abort', gaveUp, { once: true })
      return promise
    },
  }
}
