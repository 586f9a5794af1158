import { setTimeout as delay } from 'node:timers/promises'
import type { Operators } from '../e2e/support/operators.ts'
import type { World } from '../e2e/support/world.ts'

/** No call of before then can still be on its way: the send window and the deadline are over. */
const QUIET_S = 12
const LOOK_EVERY_MS = 1_000

/**
 * Ends what no inquiry can: a refund on a phone bill of which the operator shows nothing may still be in none of its lists.
 * People then ask the operator, whose book it is, and decide.
 */
export class Hands {
  readonly #world: World
  readonly #operators: Operators
  readonly #decided = new Set<string>()

  constructor(world: World, operators: Operators) {
    this.#world = world
    this.#operators = operators
  }

  get count(): number {
    return this.#decided.size
  }

  async until(done: Promise<unknown>): Promise<void> {
    let over = false
    const leave = () => {
      over = true
    }
    const ended = done.then(leave, leave)
    while (!over) {
      await Promise.race([ended, delay(LOOK_EVERY_MS)])
      await this.#look()
    }
  }

  async #look(): Promise<void> {
    const { sql, rails } = this.#world
    const waiting = await sql<{ payment: string; reference: string }[]>`
      select payment, reference from attempts
      where operation = 'refund' and rail = ${rails.operator.id} and state = 'unknown'
        and dispatched_at <= clock_timestamp() - make_interval(secs => ${QUIET_S})`
    if (waiting.length === 0) return
    const moved = new Set((await rails.operator.book()).map(({ reference }) => reference))
    for (const { payment, reference } of waiting) {
      if (moved.has(reference)) continue
      this.#decided.add(payment)
      await this.#operators.notMoved(payment)
    }
  }
}
