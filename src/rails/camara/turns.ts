/** Turns at the connections, in order of arrival. Who gives up waiting leaves the queue at once. */
export type Turns = {
  /** A function to call once when the turn is over; `full` where too many wait, `aborted` where `signal` came first. */
  next(signal: AbortSignal): Promise<(() => void) | 'full' | 'aborted'>
}

export function makeTurns(turnsMax: number, waitingMax: number): Turns {
  let taken = 0
  const queue = new Set<() => void>()

  const turn = (): (() => void) => {
    let over = false
    return () => {
      if (over) return
      over = true
      const [first] = queue
      if (first === undefined) taken--
      else first()
    }
  }

  return {
    next: async (signal) => {
      if (signal.aborted) return 'aborted'
      if (taken < turnsMax) {
        taken++
        return turn()
      }
      if (queue.size >= waitingMax) return 'full'
      const { promise, resolve } = Promise.withResolvers<(() => void) | 'aborted'>()
      // Out of the queue in the same turn in which it is called or gives up: nobody is called twice.
      const leave = (result: (() => void) | 'aborted'): void => {
        queue.delete(called)
        signal.removeEventListener('abort', gone)
        resolve(result)
      }
      const called = (): void => leave(turn())
      const gone = (): void => leave('aborted')
      queue.add(called)
      signal.addEventListener('abort', gone, { once: true })
      return promise
    },
  }
}
