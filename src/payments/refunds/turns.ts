import { REFUND_LIMITS } from './limits.ts'

/**
 * One at a time for each key, in the order they came. Refunds of one payment all raise its version, so of many at once
 * in one process each would be decided again and again; other processes are met by compare-and-set as ever.
 */
export type Turns = {
  /** For a step of a refund there is already: before every command that waits, however many there are. */
  take<T>(key: string, work: () => Promise<T>): Promise<T>
  /** For a command; null where too many wait, which would fill the hub. */
  ask<T>(key: string, work: () => Promise<T>): Promise<T> | null
}

type Line = { steps: (() => Promise<void>)[]; commands: (() => Promise<void>)[] }

export function makeTurns(limits: Record<'asked_of_payment' | 'asked', number> = REFUND_LIMITS): Turns {
  const lines = new Map<string, Line>()
  let asked = 0

  async function goThrough(key: string, line: Line): Promise<void> {
    for (let next = nextOf(line); next !== undefined; next = nextOf(line)) await next()
    lines.delete(key)
  }

  function nextOf(line: Line): (() => Promise<void>) | undefined {
    const step = line.steps.shift()
    if (step !== undefined) return step
    const command = line.commands.shift()
    if (command !== undefined) asked -= 1
    return command
  }

  function queue<T>(key: string, as: keyof Line, work: () => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const turn = async () => {
      try {
        resolve(await work())
      } catch (error) {
        reject(error)
      }
    }
    const line = lines.get(key)
    if (line !== undefined) {
      line[as].push(turn)
      return promise
    }
    const mine: Line = { steps: [], commands: [] }
    mine[as].push(turn)
    lines.set(key, mine)
    void goThrough(key, mine)
    return promise
  }

  return {
    take: (key, work) => queue(key, 'steps', work),
    ask(key, work) {
      const waiting = lines.get(key)?.commands.length ?? 0
      if (waiting >= limits.asked_of_payment || asked >= limits.asked) return null
      asked += 1
      return queue(key, 'commands', work)
    },
  }
}
