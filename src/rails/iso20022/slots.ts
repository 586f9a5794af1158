/**
 * Turns at the connections, first come first served. What gives up waiting
 * leaves the queue at once: left to the HTTP client, dead calls would each wait
 * for a connection of their own and push the living ones past their deadlines.
 */
export type Slots = {
  /** Null where the queue is full or `signal` came first; else call the result once, when the turn is over. */
  take(signal: AbortSignal): Promise<(() => void) | null>
}

export function makeSlots(slotsMax: number, waitingMax: number): Slots {
  let free = slotsMax
  /** In order of arrival. */
  const waiting = new Set<() => void>()

  const giveBack = (): void => {
    const [next] = waiting
    if (next === undefined) free++
    else next()
  }
  const once = (): (() => void) => {
    let over = false
    return () => {
      if (over) return
      over = true
      giveBack()
    }
  }

  return {
    take: (signal) => {
      if (signal.aborted) return Promise.resolve(null)
      if (free > 0) {
        free--
        return Promise.resolve(once())
      }
      if (waiting.size >= waitingMax) return Promise.resolve(null)
      return new Promise((resolve) => {
        const turn = (): void => {
          leave()
          resolve(once())
        }
        const giveUp = (): void => {
          leave()
          resolve(null)
        }
        const leave = (): void => {
          waiting.delete(turn)
          signal.removeEventListener('abort', giveUp)
        }
        waiting.add(turn)
        signal.addEventListener('abort', giveUp, { once: true })
      })
    },
  }
}
