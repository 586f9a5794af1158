/**
 * One at a time for each key, in the order they came. Refunds of one payment all raise its version, so of many at once
 * in one process each would be decided again and again; other processes are met by compare-and-set as ever.
 */
export type Turns = { take<T>(key: string, work: () => Promise<T>): Promise<T> }

export function makeTurns(): Turns {
  const last = new Map<string, Promise<unknown>>()
  return {
    take(key, work) {
      const before = last.get(key) ?? Promise.resolve()
      const mine = before.then(work, work)
      last.set(key, mine)
      const leave = () => {
        if (last.get(key) === mine) last.delete(key)
      }
      mine.then(leave, leave)
      return mine
    },
  }
}
