import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { SimClock } from '../common/clock.ts'
import { Journal } from '../common/journal.ts'
import { decodeEntry, encodeEntry, type Entry } from './entry.ts'
import { BankState } from './state.ts'

/** The bank's state with its log: what happens is told to both, and an answer waits until the log has it. */
export class Bank {
  readonly state: BankState
  readonly clock: SimClock
  readonly #journal: Journal

  private constructor(state: BankState, clock: SimClock, journal: Journal) {
    this.state = state
    this.clock = clock
    this.#journal = journal
  }

  static async open(directory: string, onFailure: (error: unknown) => void): Promise<Bank> {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    const state = new BankState()
    const clock = new SimClock()
    const journal = await Journal.open(
      join(directory, 'bank.jsonl'),
      (line) => state.apply(decodeEntry(line)),
      onFailure,
    )
    clock.shift(state.clockOffsetMs)
    return new Bank(state, clock, journal)
  }

  /** True in memory at once; claimed to anyone only after `durable()`. */
  record(entry: Entry): void {
    this.state.apply(entry)
    this.#journal.append(encodeEntry(entry))
  }

  durable(): Promise<void> {
    return this.#journal.flushed()
  }

  close(): Promise<void> {
    return this.#journal.close()
  }
}
